// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/units.hpp"

namespace talus::bench {
namespace {

using Floats [[gnu::vector_size(16)]] = float;

constexpr int chains = 8;

/// Vectors of four floats: what any processor has.
void vector_float32(std::int64_t rounds) {
  Floats const factor = Floats{} + 0.999F;
  Floats sums[chains];
  for (auto& sum : sums) {
    sum = factor;
  }
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 8
    for (auto& sum : sums) {
      sum = sum * factor + factor;
    }
  }
  Floats total{};
  for (auto const& sum : sums) {
    total += sum;
  }
  [[maybe_unused]] float const volatile used = total[0] + total[1] + total[2] + total[3];
}

}  // namespace

std::vector<Unit> available_units() {
  std::vector<Unit> units;
#if defined(__x86_64__)
  units = x86_units();
#endif
  if (units.empty()) {
    units.push_back({"vector_float32", true, chains * 4 * 2.0, vector_float32});
  }
  return units;
}

}  // namespace talus::bench
