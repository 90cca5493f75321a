// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/lanes/lanes.hpp"

/// \file
/// Powers of two and maxima, as attention needs them: scores are kept as logarithms to base 2.

namespace talus::kernels::TALUS_TARGET {

inline constexpr float log2_of_e = 1.44269504F;

/// A score below all others. Finite, so that the difference of two of them is a number.
inline constexpr float no_score = -1e30F;

/// 2^x for x <= 0, to 1.6e-7 of the result; exactly 1 for 0, exactly 0 below -126.5 (and for
/// -infinity).
///
/// x = n + r, |r| <= 1/2; 2^r by the polynomial of degree 5 whose greatest relative error is the
/// least (9e-8) among those that are 1 at 0.
[[gnu::always_inline]] inline NativeFloats exp2_of_negative(NativeFloats x) {
  constexpr float least = -127.0F;                 // gives an exponent of 0, whose power is 0
  constexpr float rounder = 12582912.0F + 127.0F;  // adding it rounds, and biases the exponent
  NativeFloats const clamped = x < least ? native_broadcast(least) : x;  // NaN stays NaN
  NativeFloats const shifted = clamped + rounder;
  NativeFloats const r = clamped - (shifted - rounder);
  NativeFloats sum = native_broadcast(1.3264727e-3F);
  for (float const coefficient : {9.671513e-3F, 5.5507336e-2F, 0.24022242F, 0.693147F, 1.0F}) {
    sum = multiply_add(sum, r, native_broadcast(coefficient));
  }
  return sum * std::bit_cast<NativeFloats>(std::bit_cast<NativeInts>(shifted) << 23);
}

[[gnu::always_inline]] inline Lanes exp2_of_negative(Lanes const& x) {
  return map([](NativeFloats part) { return exp2_of_negative(part); }, x);
}

[[nodiscard]] inline float exp2_of_negative(float x) {
  float values[native_lanes];
  NativeFloats const powers = exp2_of_negative(native_broadcast(x));
  std::memcpy(values, &powers, sizeof values);
  return values[0];
}

/// The greatest of all lanes, in log2(16) steps.
[[nodiscard]] [[gnu::always_inline]] inline float greatest_of(Lanes const& lanes) {
  NativeFloats greatest = lanes.part[0];
  for (int i = 1; i < native_parts; ++i) {
    greatest = greatest > lanes.part[i] ? greatest : lanes.part[i];
  }
#if defined(__GNUC__)
  [&]<std::size_t... Steps>(std::index_sequence<Steps...>) {
    // Exchanges halves, then quarters, ...
    (
        [&] {
          constexpr int distance = native_lanes >> (Steps + 1);
          NativeFloats const other = [&]<int... Lane>(std::integer_sequence<int, Lane...>) {
            return __builtin_shufflevector(greatest, greatest, (Lane ^ distance)...);
          }
          (std::make_integer_sequence<int, native_lanes>{});
          greatest = greatest > other ? greatest : other;
        }(),
        ...);
  }
  (std::make_index_sequence<std::bit_width(static_cast<unsigned>(native_lanes)) - 1>{});
#endif
  float values[native_lanes];
  std::memcpy(values, &greatest, sizeof values);
  return values[0];
}

/// The greatest of `count` floats, a multiple of 16.
[[nodiscard]] inline float greatest_of(float const* values, std::int64_t count) {
  Lanes greatest = load(values);
  for (std::int64_t j = num_lanes; j < count; j += num_lanes) {
    greatest = maximum(greatest, load(values + j));
  }
  return greatest_of(greatest);
}

}  // namespace talus::kernels::TALUS_TARGET
