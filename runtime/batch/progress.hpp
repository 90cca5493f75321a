// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/drain.hpp"
#include "runtime/batch/status_file.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// Between two steps on the first rank of a replica: looks after the answers, and on rank 0 tells
/// how far the run is, twice a second at most.
class Progress final : public StepObserver {
 public:
  /// What it looks at and whom it tells; all of them outlive it.
  struct Input {
    AnswerSink& sink;
    Drain const& drain;
    Reporter* reporter;  ///< null but on rank 0, as `status`
    StatusFile* status;
    AnswerCounts kept;        ///< of earlier runs
    std::int64_t num_left;    ///< requests when this run began
    std::int64_t num_blocks;  ///< of the KV cache
  };

  /// \param next  the observer to call before; not null, and outlives this
  Progress(StepObserver& next, Input const& input) : next_{&next}, input_{input} {}

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override;

  void on_run_end(Decoder& decoder) override { next_->on_run_end(decoder); }

  /// Nothing comes any more.
  void on_end();

  /// What there is to do without a step: this replica waits for the others.
  void on_idle();

 private:
  using Clock = std::chrono::steady_clock;

  void look_after(Scheduler const* scheduler);
  [[nodiscard]] RunProgress measure(Scheduler const* scheduler, Clock::time_point now) const;

  StepObserver* next_;
  Input input_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace talus::runtime
