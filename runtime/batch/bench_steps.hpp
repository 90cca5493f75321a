// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/batch/step_cost.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// What a rank's steps of one kind took and cost, together.
struct StepTotals {
  std::int64_t steps = 0;
  std::int64_t prefill_tokens = 0;
  std::int64_t decode_tokens = 0;
  double seconds = 0.0;
  std::array<double, io::num_phases> phase_seconds{};
  double device_busy = 0.0;  ///< seconds of a device, at steps
  double device_idle = 0.0;  ///< between them
  StepCost cost;

  void add(StepTotals const& other) noexcept;

  /// Seconds in which the rank neither ran a kernel of the model nor talked to other ranks:
  /// planning, drawing tokens, taking requests, whatever is measured as no phase. Where a device
  /// computes, those in which it was at no step.
  [[nodiscard]] double seconds_outside_kernels() const noexcept;
};

/// The steps of a run: those that only read prompts, those that only wrote answers, those that did
/// both.
struct BenchTotals {
  StepTotals prefill;
  StepTotals decode;
  StepTotals mixed;

  void add(BenchTotals const& other) noexcept;
};

/// Adds up a rank's steps, by kind.
class BenchSteps final : public StepObserver {
 public:
  /// Both outlive this.
  BenchSteps(CostModel const& costs, StepClock& clock) : costs_{&costs}, clock_{&clock} {}

  /// Begins anew, and leaves out what was before.
  void start();

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override;
  void on_run_end(Decoder& decoder) override;

  /// Gives what happened since the last step to its kind, and all totals.
  [[nodiscard]] BenchTotals const& finish();

 private:
  void take_time(StepTotals& kind);
  void add_experts(Decoder& decoder);

  CostModel const* costs_;
  StepClock* clock_;
  BenchTotals totals_;
  StepTotals* last_ = &totals_.mixed;
  bool counts_are_due_ = false;  ///< of the last step's experts
  std::vector<std::int64_t> routed_;
};

}  // namespace talus::runtime
