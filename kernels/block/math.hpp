// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/block/block.hpp"

/// \file
/// Functions whose bits are the same on every GPU and in the emulation: fused where it is written
/// so, and nowhere else (the compilers are told). exp and tanh round as those of kernels/lanes do.

namespace talus::kernels::block {

/// a * b + c, rounded once.
[[nodiscard]] TALUS_DEVICE inline float multiply_add(float a, float b, float c) {
  return fmaf(a, b, c);
}

/// The greater one; b where one is NaN.
[[nodiscard]] constexpr float maximum(float a, float b) {
  return a > b ? a : b;
}

/// The lesser one; b where one is NaN.
[[nodiscard]] constexpr float minimum(float a, float b) {
  return a < b ? a : b;
}

/// 2^exponent, of a normal float.
[[nodiscard]] constexpr float power_of_two(std::int32_t exponent) {
  return std::bit_cast<float>((exponent + 127) << 23);
}

/// exp(x), to 2 units in the last place; exactly 1 for 0, exactly 0 below the least normal result
/// (and for -infinity), infinity above the greatest; NaN of NaN.
///
/// Cody and Waite's reduction, x = n log(2) + r, and the Taylor polynomial of degree 7.
///
/// Reference: W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980,
/// chapter 6.
[[nodiscard]] TALUS_DEVICE inline float exp(float x) {
  constexpr float least = -87.33654F;     // log of the least normal float
  constexpr float greatest = 88.72283F;   // log of the greatest float
  constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  constexpr float inverse_log2 = 1.44269504F;
  constexpr float log2_high = 0.693359375F;  // few bits, so that n * log2_high is exact
  constexpr float log2_low = -2.12194440e-4F;
  float const up = x < least ? least : x;
  float const clamped = up > greatest ? greatest : up;

  float const shifted = clamped * inverse_log2 + rounder;
  float const n = shifted - rounder;
  float const r = (clamped - n * log2_high) - n * log2_low;
  float sum = 1.0F / 5040.0F;
  sum = multiply_add(sum, r, 1.0F / 720.0F);
  sum = multiply_add(sum, r, 1.0F / 120.0F);
  sum = multiply_add(sum, r, 1.0F / 24.0F);
  sum = multiply_add(sum, r, 1.0F / 6.0F);
  sum = multiply_add(sum, r, 0.5F);
  sum = multiply_add(sum, r, 1.0F);
  sum = multiply_add(sum, r, 1.0F);

  // 2^n in two factors, each a normal number, since n reaches 128. (NaN's bits are no steps.)
  std::int32_t const steps =
      x == x ? std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(rounder) : 0;
  std::int32_t const half = steps >> 1;
  float const result = sum * power_of_two(half) * power_of_two(steps - half);
  float const floored = x < least ? 0.0F : result;
  return x > greatest ? std::numeric_limits<float>::infinity() : floored;
}

/// tanh(x) = 1 - 2 / (1 + exp(2 x)), to 1.5e-7 of 1.
[[nodiscard]] TALUS_DEVICE inline float tanh(float x) {
  return 1.0F - 2.0F / (1.0F + exp(x + x));
}

}  // namespace talus::kernels::block
