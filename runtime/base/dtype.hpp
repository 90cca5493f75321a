// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

namespace talus {

/// Type of an element in memory or in a checkpoint's file.
enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i64,
  i32,
  i16,
  i8,
  u8,
  boolean,
  f8_e4m3,
  f8_e5m2
};

/// Size of one element, in bytes.
[[nodiscard]] constexpr std::int64_t size_of(DType type) noexcept {
  switch (type) {
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
    case DType::f8_e4m3:
    case DType::f8_e5m2:
      return 1;
  }
  return 0;
}

/// The name that users type and read: "float32", "bfloat16", ...
[[nodiscard]] char const* name_of(DType type) noexcept;

/// Widens a bfloat16, given as its bits; exact.
[[nodiscard]] constexpr float bf16_to_float(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

/// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
[[nodiscard]] constexpr std::uint16_t float_to_bf16(float value) noexcept {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  }
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

/// Widens an IEEE half, given as its bits; exact.
[[nodiscard]] inline float f16_to_float(std::uint16_t bits) noexcept {
  // Spelled out: _Float16 is neither ISO C++20 nor known to every compiler that reads this header.
  std::uint32_t const sign = (bits & 0x8000U) << 16U;
  std::uint32_t const exponent = (bits >> 10U) & 0x1FU;
  std::uint32_t const fraction = bits & 0x3FFU;
  if (exponent == 0U) {
    float const magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0U ? -magnitude : magnitude;
  }
  std::uint32_t const wide = exponent == 0x1FU ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23U) | (fraction << 13U));
}

}  // namespace talus
