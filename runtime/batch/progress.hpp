// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// Between two steps on the first rank of a replica: looks after the answers, and on rank 0 tells
/// how far the run is, twice a second at most.
class Progress final : public StepObserver {
 public:
  /// What is passed by reference outlives this.
  ///
  /// \param next  the observer to call before; not null
  Progress(StepObserver& next,
           AnswerSink& sink,
           Reporter& reporter,
           std::int64_t num_requests,
           std::int64_t num_blocks);

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override;

 private:
  using Clock = std::chrono::steady_clock;

  void tell(Scheduler const& scheduler, Clock::time_point now);

  StepObserver* next_;
  AnswerSink* sink_;
  Reporter* reporter_;
  std::int64_t num_requests_;
  std::int64_t num_blocks_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace talus::runtime
