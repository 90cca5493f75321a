// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "io/requests/answer.hpp"
#include "io/requests/generation_defaults.hpp"
#include "io/requests/input_index.hpp"
#include "io/requests/reasoning.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/completion.hpp"
#include "runtime/batch/prompts.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// What all requests of a run have in common.
struct BatchRules {
  std::int64_t max_model_len = 0;  ///< tokens of a prompt and its answer
  std::int64_t vocab = 0;
  std::uint64_t seed = 0;
  io::RequestDefaults defaults;
  io::ReasoningParser reasoning = io::ReasoningParser::none;
  io::RunLabels labels;
  std::int32_t num_replicas = 1;
  std::int32_t replica = 0;
};

/// Whoever wants to know when a request ends: the trace.
class RequestObserver {
 public:
  RequestObserver() = default;
  RequestObserver(RequestObserver const&) = delete;
  RequestObserver& operator=(RequestObserver const&) = delete;
  virtual ~RequestObserver() = default;

  virtual void on_finished(Completion const& completion, SequenceOutcome const& outcome) = 0;
  virtual void on_preempted(SequenceState const& sequence, Preemption const& preemption) = 0;
};

/// Feeds a replica from the one work queue of the run, and writes answers as requests finish.
///
/// A line that can't be answered gets its error line and costs the others nothing. Requests are
/// taken in shares of what is left, ever smaller ones, so that replicas end together.
class BatchClient final : public EngineClient {
 public:
  /// What is passed by reference outlives the client.
  BatchClient(BatchRules rules,
              TextModel const& text,
              io::RequestReader reader,
              parallel::WorkQueue& queue,
              AnswerSink& sink,
              RequestObserver* observer);

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t room) override;
  [[nodiscard]] bool is_exhausted() override;
  void on_admitted(SequenceState const& sequence) override;
  void on_preempted(SequenceState const& sequence, Preemption const& preemption) override;
  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override;
  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override;
  void on_finished(SequenceOutcome const& outcome) override;

 private:
  [[nodiscard]] std::optional<SequenceInput> start(io::InputLine const& line, std::int64_t number);
  [[nodiscard]] SequenceInput make_input(io::Request const& request, std::int64_t number) const;
  [[nodiscard]] Completion& at(SequenceState const& sequence);

  BatchRules rules_;
  TextModel const* text_;
  io::RequestReader reader_;
  parallel::WorkQueue* queue_;
  AnswerSink* sink_;
  RequestObserver* observer_;
  std::int64_t num_requests_;
  std::int64_t next_known_ = 0;                ///< the queue's counter as this replica last saw it
  std::map<std::int64_t, Completion> active_;  ///< by number
};

/// Names a request to the random numbers: the same in every run with the same custom_id.
[[nodiscard]] std::uint64_t request_key(std::string_view custom_id);

}  // namespace talus::runtime
