// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/bench_parts.hpp"
#include "kernels/sampling.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {

void bench_sampling(Settings const& settings) {
  constexpr std::int64_t vocab = 152'000;
  constexpr std::int64_t rows = 64;
  std::vector<float> const logits = random_floats(rows * vocab);
  std::vector<kernels::SampleRule> const rules(
      rows, {.temperature = 0.8F, .top_k = 50, .top_p = 0.9F, .min_p = 0.01F, .uniform = 0.5F});
  std::vector<std::int32_t> tokens(rows);
  std::vector<std::int32_t> wanted(rows);
  kernels::sample(settings.reference, view(logits, rows), rules, wanted);
  kernels::sample(settings.exec, view(logits, rows), rules, tokens);
  if (tokens != wanted) {
    throw Error{"sampling: tokens that are not the reference's"};
  }
  report(settings,
         concat("sampling, ", rows, " rows of ", vocab, ", all filters"),
         memory_limit(settings),
         static_cast<double>(rows * vocab) * sizeof(float),
         [&] { kernels::sample(settings.exec, view(logits, rows), rules, tokens); });
}

}  // namespace talus::bench
