// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace talus::test {

/// Numbers of magnitudes far apart, so that a sum in another order has other bits.
[[nodiscard]] inline std::vector<float> spread_values(std::uint32_t seed, std::size_t size) {
  std::vector<float> values(size);
  std::uint32_t state = 2463534242U + 7919U * seed;
  for (float& value : values) {
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    float const mantissa = static_cast<float>(state >> 8U) / 16777216.0F - 0.5F;
    value = mantissa * static_cast<float>(1U << (state % 13U));
  }
  return values;
}

}  // namespace talus::test
