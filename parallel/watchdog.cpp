// SPDX-License-Identifier: Apache-2.0
#include "parallel/watchdog.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "parallel/communicator.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/rank_pulse.hpp"
#include "parallel/watch_board.hpp"
#include "parallel/watch_mail.hpp"
#include "parallel/watch_nodes.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/signals_blocked.hpp"

namespace talus::parallel {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Shares of the limit. Together with the pauses between looks they stay below it.
constexpr double suspicion_share = 0.55;  // idle for so long: the others are asked
constexpr double patience_share = 0.5;    // ranks stop one after the other
constexpr double pause_share = 0.1;       // between two inquiries
constexpr double answer_share = 0.08;     // until a rank that was asked counts as silent
constexpr double wishes_share = 0.1;      // for last wishes
// Use of the processor counts as progress for so many limits.
constexpr double busy_limits = 20.0;

bool can_call_from_threads(Communicator const& comm) {
  int level = MPI_THREAD_SINGLE;
  mpi_check(MPI_Query_thread(&level), "MPI_Query_thread");
  return all_agree(comm, level == MPI_THREAD_MULTIPLE);
}

}  // namespace

class Watchdog::Impl {
 public:
  Impl(MPI_Comm comm, WatchdogOptions options)
      : options_{std::move(options)},
        comm_{Communicator::duplicate(comm)},
        node_{comm_.split_by_node()},
        nodes_{comm_, node_},
        board_{node_, nodes_.ranks_here()},
        log_{board_.mine(), comm_.rank()},
        pulse_{board_.mine(), busy_limits * options_.limit_s} {
    bool const is_alone = all_agree(comm_, std::ssize(board_.ranks()) == comm_.size());
    if (!is_alone && can_call_from_threads(comm_)) {
      mail_.emplace(comm_);
    }
    sees_all_ = is_alone || mail_.has_value();
    RankState& mine = board_.mine();
    put(mine.host, nodes_.name_here());
    put(mine.pid, static_cast<std::uint64_t>(getpid()));
    log_.set_status(RankStatus::working);
    SignalsBlocked const blocked;
    thread_ = std::jthread{[this](std::stop_token const& stop) { watch(stop); }};
  }

  Impl(Impl const&) = delete;
  Impl& operator=(Impl const&) = delete;

  ~Impl() {
    log_.set_status(RankStatus::finished);
    thread_.request_stop();
    thread_.join();
  }

  [[nodiscard]] CallLog& log() noexcept { return log_; }

  [[nodiscard]] bool sees_all() const noexcept { return sees_all_; }

 private:
  [[nodiscard]] double share(double of_limit) const { return of_limit * options_.limit_s; }

  [[nodiscard]] Seconds tick() const {
    return Seconds{std::clamp(options_.limit_s / 40, 0.01, 1.0)};
  }

  // All of the thread. An error of MPI ends the watch, not the job.
  void watch(std::stop_token const& stop) noexcept {
    try {
      auto last = Clock::now();
      while (pause(stop, tick())) {
        auto const now = Clock::now();
        // A process that was suspended has not lived through all that passed.
        Seconds const passed = std::min<Seconds>(now - last, 2 * tick());
        last = now;
        look(stop, passed.count());
      }
    } catch (...) {
    }
  }

  /// False once it is to end.
  bool pause(std::stop_token const& stop, Seconds length) {
    std::unique_lock lock{mutex_};
    return !never_notified_.wait_for(lock, stop, length, [] { return false; }) &&
           !stop.stop_requested();
  }

  void look(std::stop_token const& stop, double passed_s) {
    pulse_.beat(passed_s);
    board_.look(passed_s);
    bool is_ordered = get(board_.mine().order) != 0;
    while (mail_ && take_letter(is_ordered)) {
    }
    if (is_ordered) {
      obey(stop);
      return;
    }
    suspicious_s_ =
        board_.longest_idle_s() > share(suspicion_share) ? suspicious_s_ + passed_s : 0.0;
    until_next_s_ = suspicious_s_ > 0.0 ? until_next_s_ - passed_s : 0.0;
    if (suspicious_s_ == 0.0) {
      pause_s_ = share(pause_share);
    } else if (suspicious_s_ >= turn_s() && until_next_s_ <= 0.0 &&
               board_.is_first_able(share(suspicion_share))) {
      inquire(stop);
      until_next_s_ = pause_s_;
      // Those who wait long for somebody who works need not be asked about all the time.
      pause_s_ = mail_ ? std::min(2 * pause_s_, options_.limit_s) : pause_s_;
    }
  }

  /// How long the nodes before this one have to begin: the first by itself, then in groups that
  /// grow, so that of thousands few ask at a time.
  [[nodiscard]] double turn_s() const {
    constexpr int num_turns = 5;
    constexpr double turn_share = 0.03;
    double const part =
        std::log1p(nodes_.here) / std::log1p(std::max<std::size_t>(nodes_.names.size() - 1, 1));
    return share(turn_share * std::min<double>(nodes_.here, std::ceil(num_turns * part)));
  }

  /// Sees to a letter; false if there was none.
  bool take_letter(bool& is_ordered) {
    auto const come = mail_->take();
    if (!come) {
      return false;
    }
    auto const& [rank, letter] = *come;
    switch (letter.kind) {
      case WatchMail::Kind::question:
        mail_->send(rank,
                    {.kind = WatchMail::Kind::answer,
                     .number = letter.number,
                     .state = read_state(board_.mine())});
        until_next_s_ = std::max(until_next_s_, share(2 * answer_share));  // one asks for all
        break;
      case WatchMail::Kind::answer:
        if (letter.number == question_) {
          answers_[static_cast<std::size_t>(rank)] = letter.state;
        }
        break;
      case WatchMail::Kind::order:
        is_ordered = true;
        break;
    }
    return true;
  }

  /// Finds out whether the job hangs, and ends it then. Looks twice: a rank that has just gone on
  /// says only at its next beat that it is no longer idle.
  void inquire(std::stop_token const& stop) {
    bool is_ordered = false;
    std::vector<RankView> const before = collect(stop, is_ordered);
    auto hang = find_hang(before, share(patience_share));
    Seconds const between = 2.5 * tick();
    if (hang && !is_ordered && serve_for(stop, between, is_ordered)) {
      pulse_.beat(between.count());
      std::vector<RankView> after = collect(stop, is_ordered);
      acquit(before, after);
      hang = find_hang(after, share(patience_share));
    }
    if (stop.stop_requested()) {
      return;
    }
    if (is_ordered || get(board_.mine().order) != 0) {
      obey(stop);
    } else if (hang) {
      bark(stop, hang->lines);
    }
  }

  /// Answers others meanwhile. False once it is to end.
  bool serve_for(std::stop_token const& stop, Seconds length, bool& is_ordered) {
    for (auto const end = Clock::now() + length; Clock::now() < end;) {
      while (mail_ && take_letter(is_ordered)) {
      }
      pulse_.beat(0.0);
      if (!pause(stop, Seconds{0.002})) {
        return false;
      }
    }
    return true;
  }

  /// Makes those that have gone on, or have not beaten since, count as not idle.
  static void acquit(std::span<RankView const> before, std::span<RankView> after) {
    for (std::size_t i = 0; i < after.size(); ++i) {
      RankState const& then = before[i].state;
      RankState const& now = after[i].state;
      bool const stands_still = now.moves == then.moves && now.file_moves == then.file_moves;
      bool const has_beaten = now.heartbeat != then.heartbeat;
      if (after[i].contact == Contact::answers && !(stands_still && has_beaten)) {
        after[i].idle_s = 0.0;
      }
    }
  }

  /// What all ranks do; those of other nodes are asked.
  std::vector<RankView> collect(std::stop_token const& stop, bool& is_ordered) {
    std::vector<RankView> views(static_cast<std::size_t>(comm_.size()));
    if (mail_) {
      ask(stop, is_ordered, views);
    }
    std::vector<RankView> const here = board_.views(share(patience_share));
    for (std::size_t i = 0; i < here.size(); ++i) {
      views[static_cast<std::size_t>(board_.ranks()[i])] = here[i];
    }
    return views;
  }

  void ask(std::stop_token const& stop, bool& is_ordered, std::vector<RankView>& views) {
    ++question_;
    answers_.assign(views.size(), std::nullopt);
    std::vector<int> const asked = elsewhere();
    for (int const rank : asked) {
      mail_->send(rank, {.kind = WatchMail::Kind::question, .number = question_});
    }
    auto const has_answered = [&](int rank) {
      return answers_[static_cast<std::size_t>(rank)].has_value();
    };
    auto const end = Clock::now() + Seconds{share(answer_share)};
    while (Clock::now() < end && !std::all_of(asked.begin(), asked.end(), has_answered) &&
           pause(stop, Seconds{0.002})) {
      while (take_letter(is_ordered)) {
      }
      pulse_.beat(0.0);
    }
    for (int const rank : asked) {
      RankView& view = views[static_cast<std::size_t>(rank)];
      view.contact = has_answered(rank) ? Contact::answers : Contact::silent;
      view.state = answers_[static_cast<std::size_t>(rank)].value_or(RankState{});
      view.state.host = nodes_.names[static_cast<std::size_t>(nodes_.node_of[index_of(rank)])];
      view.idle_s = has_answered(rank) ? 1e-3 * static_cast<double>(view.state.idle_ms)
                                       : share(suspicion_share);
    }
  }

  static std::size_t index_of(int rank) { return static_cast<std::size_t>(rank); }

  /// Ranks whose states are not on this node's board.
  [[nodiscard]] std::vector<int> elsewhere() const {
    std::vector<int> ranks;
    for (int rank = 0; rank < comm_.size(); ++rank) {
      if (std::find(board_.ranks().begin(), board_.ranks().end(), rank) == board_.ranks().end()) {
        ranks.push_back(rank);
      }
    }
    return ranks;
  }

  /// Has the last wishes of all fulfilled, and ends the job.
  void bark(std::stop_token const& stop, std::vector<std::string> const& lines) {
    board_.give_order();
    if (mail_) {
      for (int const rank : elsewhere()) {
        mail_->send(rank, {.kind = WatchMail::Kind::order});
      }
    }
    log_.fulfil_wishes();
    auto const end = Clock::now() + Seconds{std::clamp(share(wishes_share), 0.1, 3.0)};
    while (Clock::now() < end && (mail_ || !board_.is_order_done(share(patience_share))) &&
           pause(stop, Seconds{0.01})) {
      pulse_.beat(0.0);
    }
    if (!stop.stop_requested()) {
      options_.on_hang(lines);
    }
  }

  /// Fulfils this rank's last wishes, and ends the job if the one that said so does not.
  void obey(std::stop_token const& stop) {
    log_.fulfil_wishes();
    put(board_.mine().order, static_cast<std::uint64_t>(WatchOrder::done));
    if (pause(stop, Seconds{std::max(share(wishes_share), 5.0)})) {
      options_.on_hang({});
    }
  }

  WatchdogOptions options_;
  Communicator comm_;
  Communicator node_;
  WatchNodes nodes_;
  WatchBoard board_;
  std::optional<WatchMail> mail_;  ///< none where nobody need be asked, or can be
  bool sees_all_ = false;
  CallLog log_;

  // The thread's.
  RankPulse pulse_;
  double suspicious_s_ = 0.0;
  double until_next_s_ = 0.0;
  double pause_s_ = 0.0;
  std::uint64_t question_ = 0;
  std::vector<std::optional<RankState>> answers_;

  std::mutex mutex_;
  std::condition_variable_any never_notified_;  // but by the request to stop
  std::jthread thread_;                         // last: it ends before what it uses
};

Watchdog::Watchdog(MPI_Comm comm, WatchdogOptions options) {
  TALUS_EXPECT(options.limit_s >= 0.1 && options.on_hang);
  impl_ = std::make_unique<Impl>(comm, std::move(options));
}

Watchdog::~Watchdog() = default;

CallLog& Watchdog::log() noexcept {
  return impl_->log();
}

bool Watchdog::sees_all() const noexcept {
  return impl_->sees_all();
}

}  // namespace talus::parallel
