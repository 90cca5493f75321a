// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/math.hpp"

namespace talus::kernels::block {

/// What one is, in units: so many that a sum of `vocab` ones is below 2^62.
[[nodiscard]] constexpr float units_of_one(std::int64_t vocab) {
  return power_of_two(61 -
                      static_cast<std::int32_t>(std::bit_width(static_cast<std::uint64_t>(vocab))));
}

/// The shares exp((logit - greatest) / temperature) of logits, in units of which whole numbers are
/// added up: a sum has no order then, and no rounding but that of each share, to 2^-43 of the
/// greatest where the vocabulary has less than 2^18 tokens. All shares below that together are far
/// less than the last place of the random number that draws.
struct ShareUnits {
  float greatest = 0.0F;
  float temperature = 1.0F;
  float one = 1.0F;

  /// 0 of what is not a number.
  [[nodiscard]] TALUS_DEVICE float share(float logit) const {
    float const share = exp((logit - greatest) / temperature);
    return share > 0.0F ? share : 0.0F;
  }

  /// \param share  below 2^7, with few of those above 1
  [[nodiscard]] TALUS_DEVICE std::int64_t units(float share) const {
    return static_cast<std::int64_t>(share * one);
  }
};

}  // namespace talus::kernels::block
