// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

/// \file
/// The arithmetic of e4m3_to_float() and float_to_e4m3(), which GPUs do too.

namespace talus::kernels::detail {

/// To the nearest whole number, ties to even, for magnitudes below 2^22: without a call, so that
/// loops become vector code for any processor.
[[nodiscard]] constexpr float nearest_integer(float value) noexcept {
  constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: beside it, floats are integers
  return (value + rounder) - rounder;
}

[[nodiscard]] constexpr float value_of_e4m3(std::uint8_t code) noexcept {
  std::uint32_t const sign = (code & 0x80U) << 24U;
  std::uint32_t const exponent = (code >> 3U) & 0xFU;
  std::uint32_t const fraction = code & 0x7U;
  if (exponent == 0xFU && fraction == 0x7U) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  if (exponent == 0U) {
    float const magnitude = static_cast<float>(fraction) * 0x1p-9F;
    return sign != 0U ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 120U) << 23U) | (fraction << 20U));
}

[[nodiscard]] constexpr std::uint8_t e4m3_of(float value) noexcept {
  std::uint32_t const bits = std::bit_cast<std::uint32_t>(value);
  std::uint32_t const sign = (bits >> 24U) & 0x80U;
  std::uint32_t const magnitude = bits & 0x7FFFFFFFU;
  constexpr std::uint32_t infinity = 0x7F800000U;
  constexpr std::uint32_t greatest = 0x7EU;     // 448
  constexpr std::uint32_t least_normal = 121U;  // exponent of 2^-6
  if (magnitude > infinity) {
    return 0x7FU;
  }
  if (magnitude >> 23U < least_normal) {
    float const units = nearest_integer(std::bit_cast<float>(magnitude) * 0x1p9F);
    return static_cast<std::uint8_t>(sign | static_cast<std::uint32_t>(units));
  }
  std::uint32_t const rounded = (magnitude + 0x7FFFFU + ((magnitude >> 20U) & 1U)) >> 20U;
  std::uint32_t const code = rounded - (120U << 3U);
  return static_cast<std::uint8_t>(sign | (code < greatest ? code : greatest));
}

}  // namespace talus::kernels::detail
