// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/base/dtype.hpp"

/// \file
/// Scales of quantised weights as they are stored.

namespace talus::kernels::detail {

/// float16 of a value that is exactly one.
[[nodiscard]] constexpr std::uint16_t exact_half(float value) noexcept {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t const sign = (bits >> 16U) & 0x8000U;
  std::uint32_t const exponent = (bits >> 23U) & 0xFFU;
  if (exponent < 113U) {
    float const units = (sign != 0U ? -value : value) * 0x1p24F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(units));
  }
  return static_cast<std::uint16_t>(sign | ((exponent - 112U) << 10U) | ((bits >> 13U) & 0x3FFU));
}

/// Stores a scale that is exact in `type` (f32, f16 or bf16) as element `index` of an array.
inline void store_scale(DType type, float scale, std::byte* array, std::int64_t index) noexcept {
  if (type == DType::f32) {
    std::memcpy(array + index * 4, &scale, 4);
    return;
  }
  std::uint16_t const bits =
      type == DType::bf16 ? static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(scale) >> 16U)
                          : exact_half(scale);
  std::memcpy(array + index * 2, &bits, 2);
}

}  // namespace talus::kernels::detail
