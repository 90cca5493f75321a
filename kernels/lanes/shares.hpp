// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "kernels/lanes/lanes.hpp"

/// \file
/// What searches in rows of logits are made of: comparisons as bits, and shares.

namespace talus::kernels::TALUS_TARGET {

/// Bit i: whether lane i of `a` is at least that of `b`; never where one is not a number.
[[gnu::always_inline]] inline std::uint32_t bits_at_least(Lanes const& a, Lanes const& b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(a.part[0], b.part[0], _CMP_GE_OQ);
#elif defined(__AVX2__) && defined(__FMA__)
  auto const bits = [&](int part) {
    __m256 const is_greater = _mm256_cmp_ps(a.part[part], b.part[part], _CMP_GE_OQ);
    return static_cast<std::uint32_t>(_mm256_movemask_ps(is_greater));
  };
  return bits(0) | bits(1) << 8U;
#else
  float left[num_lanes];
  float right[num_lanes];
  store(left, a);
  store(right, b);
  std::uint32_t bits = 0;
  for (int i = 0; i < num_lanes; ++i) {
    bits |= (left[i] >= right[i] ? 1U : 0U) << i;
  }
  return bits;
#endif
}

/// exp(x) for x <= 0, to 2 units in the last place; exactly 1 for 0, exactly 0 below the least
/// normal result and for what is not a number. As exp(), with what such an x doesn't need left out.
[[gnu::always_inline]] inline NativeFloats exp_down(NativeFloats x) {
  constexpr float least = -87.33654F;     // log of the least normal float
  constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  constexpr float log2_high = 0.693359375F;
  constexpr float log2_low = -2.12194440e-4F;
  NativeFloats const clamped = x > least ? x : native_broadcast(least);  // NaN: least
  NativeFloats const shifted =
      multiply_add(clamped, native_broadcast(1.44269504F), native_broadcast(rounder));
  NativeFloats const n = shifted - rounder;
  NativeFloats r = multiply_add(n, native_broadcast(-log2_high), clamped);
  r = multiply_add(n, native_broadcast(-log2_low), r);
  NativeFloats sum = native_broadcast(1.0F / 5040.0F);
  for (float const coefficient :
       {1.0F / 720.0F, 1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F}) {
    sum = multiply_add(sum, r, native_broadcast(coefficient));
  }
  auto const steps = std::bit_cast<NativeInts>(shifted) - std::bit_cast<std::int32_t>(rounder);
  NativeFloats const result = sum * std::bit_cast<NativeFloats>((steps + 127) << 23);
  return x > least ? result : native_broadcast(0.0F);
}

/// The shares exp((logit - greatest) / temperature) of logits, in units of the greatest one's.
class ShareRule {
 public:
  ShareRule(float greatest, float temperature)
      : greatest_{native_broadcast(greatest)},
        inverse_{
            native_broadcast(std::min(1.0F / temperature, std::numeric_limits<float>::max()))} {}

  [[gnu::always_inline]] Lanes operator()(Lanes const& logits) const {
    return map([this](NativeFloats x) { return exp_down((x - greatest_) * inverse_); }, logits);
  }

 private:
  NativeFloats greatest_;
  NativeFloats inverse_;  ///< of the temperature
};

}  // namespace talus::kernels::TALUS_TARGET
