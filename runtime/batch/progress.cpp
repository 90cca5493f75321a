// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace talus::runtime {

Progress::Progress(StepObserver& next,
                   AnswerSink& sink,
                   Reporter& reporter,
                   std::int64_t num_requests,
                   std::int64_t num_blocks)
    : next_{&next},
      sink_{&sink},
      reporter_{&reporter},
      num_requests_{num_requests},
      num_blocks_{num_blocks} {}

void Progress::on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) {
  next_->on_step(plan, scheduler, decoder);
  sink_->drain();
  auto const now = Clock::now();
  if (now - last_ >= std::chrono::milliseconds{500}) {
    last_ = now;
    tell(scheduler, now);
  }
}

void Progress::tell(Scheduler const& scheduler, Clock::time_point now) {
  AnswerCounts const& counts = sink_->counts();
  double const elapsed = std::chrono::duration<double>(now - start_).count();
  std::int64_t const done = counts.done();
  double const left =
      done > 0 ? elapsed / static_cast<double>(done) * static_cast<double>(num_requests_ - done)
               : 0.0;
  KvUse const use = scheduler.kv_use();
  std::array<char, 160> line{};
  int const size = std::snprintf(
      line.data(),
      line.size(),
      "%8.1f s  %lld of %lld requests, %.0f tokens/s finished, %d running, KV %.0f%%",
      elapsed,
      static_cast<long long>(done),
      static_cast<long long>(num_requests_),
      static_cast<double>(counts.output_tokens) / elapsed,
      scheduler.num_running(),
      100.0 * use.used_blocks / static_cast<double>(std::max<std::int64_t>(num_blocks_, 1)));
  if (done > 0 && size > 0 && static_cast<std::size_t>(size) < line.size()) {
    std::snprintf(line.data() + size,
                  line.size() - static_cast<std::size_t>(size),
                  ", about %.0f s left",
                  left);
  }
  reporter_->progress(line.data());
}

}  // namespace talus::runtime
