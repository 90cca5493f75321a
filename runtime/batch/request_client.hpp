// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "io/ledger/saved_tokens.hpp"
#include "io/requests/answer.hpp"
#include "io/requests/input_index.hpp"
#include "io/requests/request.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/prompts.hpp"
#include "runtime/batch/request_group.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// Whoever wants to know when a sequence ends, of which a request may have several: the trace.
class RequestObserver {
 public:
  RequestObserver() = default;
  RequestObserver(RequestObserver const&) = delete;
  RequestObserver& operator=(RequestObserver const&) = delete;
  virtual ~RequestObserver() = default;

  virtual void on_finished(Completion const& completion, SequenceOutcome const& outcome) = 0;
  virtual void on_preempted(SequenceState const& sequence, Preemption const& preemption) = 0;
};

/// Between lines of requests and a replica's engine: makes sequences of the one, and answers of
/// what the other gives. Where lines come from and answers go is a derived class's to say.
///
/// A line that can't be answered gets its error and costs the others nothing. Samples of a request
/// are given one behind the other.
class RequestClient : public EngineClient {
 public:
  void on_admitted(SequenceState const& sequence) override;
  void on_preempted(SequenceState const& sequence, Preemption const& preemption) override;
  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override;
  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override;
  [[nodiscard]] bool may_stop(SequenceState const& sequence) override;
  void on_finished(SequenceOutcome const& outcome) override;

 protected:
  /// What is passed by reference outlives the client.
  ///
  /// \param observer  null: nobody
  RequestClient(BatchRules rules, TextModel const& text, RequestObserver* observer);

  /// Takes a line in.
  ///
  /// \param number  unlike that of any other request under way
  /// \param saved   tokens that an earlier engine drew for it; those that can't be its are left out
  void start(io::InputLine const& line, std::int64_t number, std::vector<io::SavedTokens> saved);

  /// Whether sequences were made that give() has not given yet.
  [[nodiscard]] bool has_next() const noexcept { return !held_.empty(); }

  /// The next sequence for the engine.
  /// \pre has_next()
  [[nodiscard]] SequenceInput give();

  /// Tokens that came since the last call, of all requests that are not finished.
  [[nodiscard]] std::vector<io::SavedTokens> take_unsaved();

  /// Requests started and not finished.
  [[nodiscard]] std::int64_t num_active() const noexcept { return std::ssize(active_); }

  /// Mean number of samples of the requests started so far, rounded up; 1 if there was none.
  [[nodiscard]] std::int64_t mean_samples() const noexcept;

  /// Forgets what is under way.
  void drop_all();

  [[nodiscard]] BatchRules const& rules() const noexcept { return rules_; }

 private:
  /// A request is finished.
  virtual void deliver(std::int64_t number, io::Answer&& answer) = 0;

  /// A line can't be answered.
  virtual void refuse(std::int64_t number, io::RequestError const& error) = 0;

  void go_on(std::int64_t number,
             std::vector<io::SavedTokens>&& saved,
             std::vector<SequenceInput>& inputs);
  [[nodiscard]] Completion& at(SequenceState const& sequence);

  BatchRules rules_;
  TextModel const* text_;
  RequestObserver* observer_;
  std::deque<SequenceInput> held_;               ///< started, not given yet
  std::int64_t num_started_ = 0;                 ///< requests
  std::int64_t num_samples_ = 0;                 ///< of these
  std::map<std::int64_t, RequestGroup> active_;  ///< by number
};

}  // namespace talus::runtime
