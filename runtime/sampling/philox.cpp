// SPDX-License-Identifier: Apache-2.0
#include "runtime/sampling/philox.hpp"

namespace talus::runtime {
namespace {

// The generator's multipliers and Weyl increments, from table 2 and section 4.2 of the paper.
constexpr std::uint64_t multiplier_0 = 0xD2511F53U;
constexpr std::uint64_t multiplier_1 = 0xCD9E8D57U;
constexpr std::uint32_t weyl_0 = 0x9E3779B9U;
constexpr std::uint32_t weyl_1 = 0xBB67AE85U;
constexpr int num_rounds = 10;

std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32U);
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key,
                                    std::array<std::uint32_t, 4> counter) noexcept {
  for (int round = 0; round < num_rounds; ++round) {
    std::uint64_t const a = multiplier_0 * counter[0];
    std::uint64_t const b = multiplier_1 * counter[2];
    counter = {high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)};
    key[0] += weyl_0;
    key[1] += weyl_1;
  }
  return counter;
}

float uniform(RandomPlace const& place) noexcept {
  auto const bits = philox({low(place.seed), high(place.seed)},
                           {low(place.request), high(place.request), place.sample, place.position});
  return static_cast<float>(bits[0] >> 8U) * 0x1p-24F;
}

}  // namespace talus::runtime
