// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "io/ledger/saved_index.hpp"
#include "io/ledger/work_left.hpp"
#include "io/requests/input_index.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/drain.hpp"
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

/// Where a replica's requests come from.
struct BatchWork {
  io::RequestReader reader;
  io::WorkLeft left;     ///< what the queue counts
  io::SavedIndex saved;  ///< tokens that an earlier run drew
};

/// Feeds a replica from the one work queue of the run, and writes answers as requests finish.
///
/// A line that can't be answered gets its error line and costs the others nothing. Requests are
/// taken in shares of what is left, ever smaller ones, so that replicas end together. Samples of a
/// request are given one behind the other; those for which there is no room yet are held back. Near
/// the end of the job, those that are not worth starting are left to the next one.
class BatchClient final : public EngineClient {
 public:
  /// What is passed by reference outlives the client.
  BatchClient(BatchRules rules,
              TextModel const& text,
              BatchWork work,
              parallel::WorkQueue& queue,
              AnswerSink& sink,
              Drain& drain,
              RequestObserver* observer);

  /// Sends the tokens that came since the last call, of all requests that are not finished, to be
  /// saved.
  void save_unfinished();

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t room) override;
  [[nodiscard]] bool is_exhausted() override;

  [[nodiscard]] bool leaves() override { return drain_->must_leave(); }

  void on_admitted(SequenceState const& sequence) override;
  void on_preempted(SequenceState const& sequence, Preemption const& preemption) override;
  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override;
  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override;
  void on_finished(SequenceOutcome const& outcome) override;

 private:
  [[nodiscard]] bool is_worth_starting(SequenceInput const& input);
  void fetch(std::int32_t room);
  void start(io::InputLine const& line, std::int64_t number);
  void go_on(std::int64_t number,
             std::vector<io::SavedTokens>&& saved,
             std::vector<SequenceInput>& inputs);
  [[nodiscard]] Completion& at(SequenceState const& sequence);

  BatchRules rules_;
  TextModel const* text_;
  BatchWork work_;
  parallel::WorkQueue* queue_;
  AnswerSink* sink_;
  Drain* drain_;
  RequestObserver* observer_;
  std::int64_t num_left_;        ///< of work_
  std::int64_t next_known_ = 0;  ///< the queue's counter as this replica last saw it
  std::deque<std::pair<std::int64_t, io::InputLine>> lines_;  ///< taken, not started
  std::deque<SequenceInput> held_;                            ///< started, not given yet
  std::int64_t num_started_ = 0;                              ///< requests
  std::int64_t num_samples_ = 0;                              ///< of these
  std::map<std::int64_t, RequestGroup> active_;               ///< by number
};

}  // namespace talus::runtime
