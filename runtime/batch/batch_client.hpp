// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <utility>

#include "io/ledger/saved_index.hpp"
#include "io/ledger/work_left.hpp"
#include "io/requests/input_index.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/drain.hpp"
#include "runtime/batch/request_client.hpp"

namespace talus::runtime {

/// Where a replica's requests come from.
struct BatchWork {
  io::RequestReader reader;
  io::WorkLeft left;     ///< what the queue counts
  io::SavedIndex saved;  ///< tokens that an earlier run drew
};

/// Feeds a replica from the one work queue of the run, and writes answers as requests finish.
///
/// Requests are taken in shares of what is left, ever smaller ones, so that replicas end together.
/// Samples of a request for which there is no room yet are held back. Near the end of the job,
/// those that are not worth starting are left to the next one.
class BatchClient final : public RequestClient {
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

  void on_finished(SequenceOutcome const& outcome) override;

 private:
  [[nodiscard]] bool is_worth_starting(SequenceInput const& input);
  void fetch(std::int32_t room);
  void deliver(std::int64_t number, io::Answer&& answer) override;
  void refuse(std::int64_t number, io::RequestError const& error) override;

  BatchWork work_;
  parallel::WorkQueue* queue_;
  AnswerSink* sink_;
  Drain* drain_;
  std::int64_t num_left_;        ///< of work_
  std::int64_t next_known_ = 0;  ///< the queue's counter as this replica last saw it
  std::deque<std::pair<std::int64_t, io::InputLine>> lines_;  ///< taken, not started
};

}  // namespace talus::runtime
