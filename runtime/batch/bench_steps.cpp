// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/bench_steps.hpp"

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

void BenchSteps::on_step(StepPlan const& plan, Scheduler const& /*scheduler*/, Decoder& decoder) {
  bool const reads = plan.num_prefill_tokens > 0;
  bool const writes = plan.num_decode_tokens > 0;
  last_ = &(reads && writes ? totals_.mixed : reads ? totals_.prefill : totals_.decode);
  take_time(*last_);
  decoder.take_routed(routed_);
  last_->cost.add(costs_->of(plan, routed_));
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
