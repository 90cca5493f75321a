// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/bench_steps.hpp"

#include <utility>

namespace talus::runtime {

void StepTotals::add(StepTotals const& other) noexcept {
  steps += other.steps;
  prefill_tokens += other.prefill_tokens;
  decode_tokens += other.decode_tokens;
  seconds += other.seconds;
  device_busy += other.device_busy;
  device_idle += other.device_idle;
  for (std::size_t i = 0; i < phase_seconds.size(); ++i) {
    phase_seconds[i] += other.phase_seconds[i];
  }
  cost.add(other.cost);
}

double StepTotals::seconds_outside_kernels() const noexcept {
  using io::Phase;
  if (device_busy > 0.0) {
    return device_idle;
  }
  double sum = 0.0;
  for (Phase const phase : {Phase::schedule, Phase::sampling, Phase::idle, Phase::other}) {
    sum += phase_seconds[static_cast<std::size_t>(phase)];
  }
  return sum;
}

void BenchTotals::add(BenchTotals const& other) noexcept {
  prefill.add(other.prefill);
  decode.add(other.decode);
  mixed.add(other.mixed);
}

void BenchSteps::start() {
  static_cast<void>(clock_->take());
  static_cast<void>(clock_->take_device());
  totals_ = {};
  last_ = &totals_.mixed;
}

/// What the last step's experts cost: a device may be at this step now, and isn't waited for.
void BenchSteps::add_experts(Decoder& decoder) {
  if (std::exchange(counts_are_due_, false)) {
    decoder.finish_taking_routed(routed_);
    last_->cost.add(costs_->of_experts(routed_));
  }
}

void BenchSteps::on_run_end(Decoder& decoder) {
  add_experts(decoder);
}

void BenchSteps::on_step(StepPlan const& plan, Scheduler const& /*scheduler*/, Decoder& decoder) {
  add_experts(decoder);
  bool const reads = plan.num_prefill_tokens > 0;
  bool const writes = plan.num_decode_tokens > 0;
  last_ = &(reads && writes ? totals_.mixed : reads ? totals_.prefill : totals_.decode);
  take_time(*last_);
  decoder.start_taking_routed();
  counts_are_due_ = true;
  last_->cost.add(costs_->of(plan));
  ++last_->steps;
  last_->prefill_tokens += plan.num_prefill_tokens;
  last_->decode_tokens += plan.num_decode_tokens;
}

BenchTotals const& BenchSteps::finish() {
  take_time(*last_);
  return totals_;
}

void BenchSteps::take_time(StepTotals& kind) {
  StepClock::DeviceSeconds const device = clock_->take_device();
  kind.device_busy += static_cast<double>(device.busy_s);
  kind.device_idle += static_cast<double>(device.idle_s);
  StepClock::Seconds const phases = clock_->take();
  for (std::size_t i = 0; i < phases.size(); ++i) {
    kind.phase_seconds[i] += static_cast<double>(phases[i]);
    kind.seconds += static_cast<double>(phases[i]);
  }
}

}  // namespace talus::runtime
