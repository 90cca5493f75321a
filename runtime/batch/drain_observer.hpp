// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/batch/drain.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// Between two steps on every rank: tells the drain of the step.
class DrainObserver final : public StepObserver {
 public:
  /// What is passed by reference outlives this.
  ///
  /// \param next  the observer to call before; not null
  DrainObserver(StepObserver& next, Drain& drain) : next_{&next}, drain_{&drain} {}

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override {
    next_->on_step(plan, scheduler, decoder);
    drain_->on_step(plan);
  }

  void on_run_end(Decoder& decoder) override { next_->on_run_end(decoder); }

 private:
  StepObserver* next_;
  Drain* drain_;
};

}  // namespace talus::runtime
