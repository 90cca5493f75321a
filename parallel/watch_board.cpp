// SPDX-License-Identifier: Apache-2.0
#include "parallel/watch_board.hpp"

#include <algorithm>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <utility>

namespace talus::parallel {

namespace {

bool has_finished(RankState const& state) noexcept {
  return get(state.status_word) == static_cast<std::uint64_t>(RankStatus::finished);
}

}  // namespace

Contact look_at_process(std::uint64_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text;
  if (!std::getline(file, text)) {
    return Contact::gone;
  }
  // "PID (NAME) STATE ...", where the name may hold anything.
  std::size_t const end_of_name = text.rfind(')');
  char const state = end_of_name != std::string::npos && end_of_name + 2 < text.size()
                         ? text[end_of_name + 2]
                         : 'R';
  switch (state) {
    case 'T':
      return Contact::stopped;
    case 't':
      return Contact::traced;
    case 'Z':
    case 'X':
      return Contact::gone;
    default:
      return Contact::answers;
  }
}

WatchBoard::WatchBoard(Communicator const& node, std::vector<int> ranks)
    : window_{SharedWindow::allocate(node, sizeof(RankState))},
      ranks_{std::move(ranks)},
      mine_{static_cast<std::size_t>(node.rank())} {
  if (window_) {
    for (int rank = 0; rank < node.size(); ++rank) {
      states_.push_back(reinterpret_cast<RankState*>(window_->part(rank).data()));
    }
    new (states_[mine_]) RankState{};
    window_->publish(node);  // nobody reads what is still to be made
  } else {
    ranks_ = {ranks_[mine_]};
    states_ = {&own_};
    mine_ = 0;
  }
  pulses_.resize(states_.size());
}

void WatchBoard::look(double passed_s) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    std::uint64_t const beat = get(states_[i]->heartbeat);
    pulses_[i].still_s = beat == pulses_[i].last ? pulses_[i].still_s + passed_s : 0.0;
    pulses_[i].last = beat;
  }
}

Contact WatchBoard::contact_of(std::size_t place, double patience_s) const {
  if (place == mine_ || pulses_[place].still_s < patience_s / 4) {
    return Contact::answers;
  }
  Contact const contact = look_at_process(get(states_[place]->pid));
  bool const is_silent = contact == Contact::answers && pulses_[place].still_s >= patience_s;
  return is_silent ? Contact::silent : contact;
}

double WatchBoard::longest_idle_s() const {
  double longest = 0.0;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    RankState const& state = *states_[i];
    auto const status = static_cast<RankStatus>(get(state.status_word));
    if (status == RankStatus::working || status == RankStatus::failed) {
      double const idle = static_cast<double>(get(state.idle_ms)) * 1e-3;
      longest = std::max({longest, idle, pulses_[i].still_s});
    }
  }
  return longest;
}

bool WatchBoard::is_first_able(double patience_s) const {
  for (std::size_t i = 0; i < mine_; ++i) {
    bool const is_finished = has_finished(*states_[i]);
    if (!is_finished && pulses_[i].still_s < patience_s / 4) {
      return false;
    }
  }
  return true;
}

std::vector<RankView> WatchBoard::views(double patience_s) const {
  std::vector<RankView> views;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    RankView view{.state = read_state(*states_[i]), .contact = contact_of(i, patience_s)};
    view.idle_s = view.contact == Contact::answers ? static_cast<double>(view.state.idle_ms) * 1e-3
                                                   : pulses_[i].still_s;
    views.push_back(view);
  }
  return views;
}

void WatchBoard::give_order() noexcept {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (i != mine_) {
      put(states_[i]->order, static_cast<std::uint64_t>(WatchOrder::last_wishes));
    }
  }
}

bool WatchBoard::is_order_done(double patience_s) const {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    bool const is_done = get(states_[i]->order) == static_cast<std::uint64_t>(WatchOrder::done);
    bool const can_act = pulses_[i].still_s < patience_s / 4 && !has_finished(*states_[i]);
    if (i != mine_ && can_act && !is_done) {
      return false;
    }
  }
  return true;
}

}  // namespace talus::parallel
