// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace talus::runtime {
namespace {

std::string format(RunProgress const& progress) {
  std::array<char, 160> line{};
  std::snprintf(line.data(),
                line.size(),
                "%8.1f s  %lld of %lld requests, %.0f tokens/s finished, %d running, KV %.0f%%",
                progress.elapsed_s,
                static_cast<long long>(progress.answers + progress.errors),
                static_cast<long long>(progress.requests),
                static_cast<double>(progress.output_tokens) / progress.elapsed_s,
                progress.running,
                100.0 * progress.kv_cache_used);
  std::string text = line.data();
  if (progress.left_s) {
    std::snprintf(line.data(), line.size(), ", about %.0f s left", *progress.left_s);
    text += line.data();
  }
  return text;
}

}  // namespace

void Progress::on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) {
  next_->on_step(plan, scheduler, decoder);
  look_after(&scheduler);
}

void Progress::on_idle() {
  look_after(nullptr);
}

void Progress::on_end() {
  if (input_.reporter != nullptr) {
    input_.status->update(measure(nullptr, Clock::now()));
  }
}

void Progress::look_after(Scheduler const* scheduler) {
  input_.sink.drain();
  auto const now = Clock::now();
  if (input_.reporter != nullptr && now - last_ >= std::chrono::milliseconds{500}) {
    last_ = now;
    RunProgress const progress = measure(scheduler, now);
    input_.reporter->progress(format(progress));
    input_.status->update(progress);
  }
}

RunProgress Progress::measure(Scheduler const* scheduler, Clock::time_point now) const {
  AnswerCounts const& counts = input_.sink.counts();
  RunProgress progress{
      .elapsed_s = std::chrono::duration<double>(now - start_).count(),
      .requests = input_.kept.done() + input_.num_left,
      .answers = input_.kept.answers + counts.answers,
      .errors = input_.kept.errors + counts.errors,
      .output_tokens = counts.output_tokens,
      .limit_s = input_.drain.seconds_left(),
  };
  if (counts.done() > 0) {
    progress.left_s = progress.elapsed_s / static_cast<double>(counts.done()) *
                      static_cast<double>(input_.num_left - counts.done());
  }
  if (scheduler != nullptr) {
    progress.running = scheduler->num_running();
    progress.kv_cache_used = scheduler->kv_use().used_blocks /
                             static_cast<double>(std::max<std::int64_t>(input_.num_blocks, 1));
  }
  return progress;
}

}  // namespace talus::runtime
