// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parallel/mailbox.hpp"
#include "parallel/process_grid.hpp"
#include "parallel/progress.hpp"
#include "runtime/api/messages.hpp"
#include "runtime/batch/drain.hpp"
#include "runtime/batch/request_client.hpp"

namespace talus::api {

/// A request by the rank that asked and its number there.
using Asked = std::pair<int, std::int64_t>;

/// When a replica is to leave its loop.
struct Orders {
  using Clock = std::chrono::steady_clock;

  std::optional<Clock::time_point> until;  ///< works as long; none: for `awaited`, and is_over
  std::vector<Asked> awaited;              ///< of this replica: leaves when these are answered
  bool rests = false;                      ///< leaves before `until` if there is nothing to do
  std::function<bool()> is_over{};  ///< leaves before `until`, too, if nobody will ask any more
  runtime::Drain* drain = nullptr;  ///< leaves when this says so; null: nothing stops it
};

/// Feeds a replica with what ranks send it, and sends them the answers. On its first rank.
class ServiceClient final : public runtime::RequestClient {
 public:
  /// What is passed by reference outlives the client.
  ///
  /// \param mail   answers go there
  /// \param poll   takes in what has come, for receive()
  /// \param calls  where this rank says that it waits for programs to ask; null: nowhere
  ServiceClient(runtime::BatchRules rules,
                runtime::TextModel const& text,
                parallel::ProcessGrid const& grid,
                parallel::Mailbox& mail,
                std::function<void()> poll,
                parallel::CallLog* calls);

  /// Takes a rank's request.
  void receive(int sender, RequestMessage&& message);

  /// Whether a request has come. Those of a rank come in their order.
  [[nodiscard]] bool has_come(Asked const& asked) const;

  /// Begins a run of the engine.
  void begin(Orders orders);

  /// Gives up the engine's state of all requests, for a new engine to go on with their tokens.
  void suspend();

  /// Answers all requests that nobody will work on.
  ///
  /// \param reason  why not, for people
  /// \pre  suspend() came before, and no begin() since
  void refuse_all(std::string_view reason);

  [[nodiscard]] std::vector<runtime::SequenceInput> take(std::int32_t room) override;

  [[nodiscard]] bool is_exhausted() override;

  [[nodiscard]] bool leaves() override;

  void on_finished(runtime::SequenceOutcome const& outcome) override;

 private:
  /// A request that isn't answered.
  struct Ticket {
    Asked asked;
    std::string line;
    std::map<std::uint32_t, io::SavedTokens> saved{};  ///< by sample, of an engine before
  };

  void deliver(std::int64_t number, io::Answer&& answer) override;
  void refuse(std::int64_t number, io::RequestError const& error) override;
  void start_next();
  void await_work();
  [[nodiscard]] bool is_worth_starting(runtime::SequenceInput const& input);
  void send(std::int64_t ticket, std::vector<std::byte> message);
  [[nodiscard]] bool wants_to_leave();

  /// Requests that are held back for want of time are none.
  [[nodiscard]] bool has_work() const noexcept { return tickets_.size() > held_back_.size(); }

  parallel::ProcessGrid const* grid_;
  parallel::Mailbox* mail_;
  std::function<void()> poll_;
  parallel::CallLog* calls_;
  std::map<std::int64_t, Ticket> tickets_;
  std::deque<std::int64_t> pending_;  ///< tickets that are not started
  std::set<std::int64_t> held_back_;  ///< tickets that there is no time for
  std::int64_t next_ticket_ = 0;
  std::set<Asked> open_;                   ///< of the tickets
  std::map<int, std::int64_t> newest_of_;  ///< number of the newest request of each rank
  Orders orders_;
  bool was_asked_ = false;  ///< whether to leave, in this run
  parallel::Backoff idle_;
};

}  // namespace talus::api
