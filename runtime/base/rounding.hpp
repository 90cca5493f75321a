// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace talus {

/// a / b, rounded up. \pre a >= 0, b > 0
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) noexcept {
  return (a + b - 1) / b;
}

/// The least multiple of b that is no less than a. \pre a >= 0, b > 0
[[nodiscard]] constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) noexcept {
  return ceil_div(a, b) * b;
}

}  // namespace talus
