// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "runtime/base/dtype.hpp"

/// \file
/// Sixteen floats side by side, whatever the processor's registers hold. Everything that this
/// backend sums is summed in these lanes, full vectors and tails alike, so that every path through
/// a kernel rounds in the same places.

namespace talus::kernels::TALUS_TARGET {

inline constexpr int num_lanes = 16;

/// Floats of one register.
#if defined(__AVX512F__)
inline constexpr int native_lanes = 16;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr int native_lanes = 8;
#elif defined(__GNUC__)
inline constexpr int native_lanes = 4;
#else
inline constexpr int native_lanes = 1;
#endif

#if defined(__GNUC__)
using NativeFloats [[gnu::vector_size(native_lanes * 4)]] = float;
using NativeInts [[gnu::vector_size(native_lanes * 4)]] = std::int32_t;
using NativeWords [[gnu::vector_size(native_lanes * 4)]] = std::uint32_t;
using NativeHalves [[gnu::vector_size(native_lanes * 2)]] = std::uint16_t;
#else
using NativeFloats = float;
using NativeInts = std::int32_t;
using NativeWords = std::uint32_t;
using NativeHalves = std::uint16_t;
#endif

inline constexpr int native_parts = num_lanes / native_lanes;

struct Lanes {
  NativeFloats part[native_parts];
};

/// a * b + c: rounded once where the processor can, twice where not, never one here and the other
/// there (the build forbids the compiler to fuse by itself).
[[gnu::always_inline]] inline NativeFloats multiply_add(NativeFloats a,
                                                        NativeFloats b,
                                                        NativeFloats c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
  // Every processor of this kind has it.
  auto const neon = [](NativeFloats lanes) { return std::bit_cast<float32x4_t>(lanes); };
  return std::bit_cast<NativeFloats>(vfmaq_f32(neon(c), neon(a), neon(b)));
#else
  return a * b + c;
#endif
}

/// sum += a * b, as multiply_add(). The sum stays in its register: where many are summed at once,
/// the compiler would rather keep what they are made of.
[[gnu::always_inline]] inline void add_product(NativeFloats& sum, NativeFloats a, NativeFloats b) {
#if defined(__AVX512F__)
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#elif defined(__AVX2__) && defined(__FMA__)
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
#else
  sum = multiply_add(a, b, sum);
#endif
}

[[gnu::always_inline]] inline NativeFloats native_broadcast(float value) {
  return value - NativeFloats{};  // exact, NaN and infinities too
}

[[gnu::always_inline]] inline Lanes broadcast(float value) {
  Lanes result;
  for (auto& part : result.part) {
    part = native_broadcast(value);
  }
  return result;
}

/// Applies a function of native vectors, part by part.
template <class Function, class... Args>
[[gnu::always_inline]] inline Lanes map(Function const& function, Args const&... args) {
  Lanes result;
  for (int i = 0; i < native_parts; ++i) {
    result.part[i] = function(args.part[i]...);
  }
  return result;
}

[[gnu::always_inline]] inline Lanes operator+(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x + y; }, a, b);
}

[[gnu::always_inline]] inline Lanes operator-(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x - y; }, a, b);
}

[[gnu::always_inline]] inline Lanes operator*(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x * y; }, a, b);
}

[[gnu::always_inline]] inline Lanes operator/(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x / y; }, a, b);
}

[[gnu::always_inline]] inline Lanes multiply_add(Lanes const& a, Lanes const& b, Lanes const& c) {
  return map([](auto x, auto y, auto z) { return multiply_add(x, y, z); }, a, b, c);
}

/// The greater one of each lane.
[[gnu::always_inline]] inline Lanes maximum(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x > y ? x : y; }, a, b);
}

/// The lesser one of each lane.
[[gnu::always_inline]] inline Lanes minimum(Lanes const& a, Lanes const& b) {
  return map([](NativeFloats x, NativeFloats y) { return x < y ? x : y; }, a, b);
}

/// `a` where x > 0, else `b`.
[[gnu::always_inline]] inline Lanes select_positive(Lanes const& x,
                                                    Lanes const& a,
                                                    Lanes const& b) {
  return map(
      [](NativeFloats v, NativeFloats p, NativeFloats q) { return v > 0.0F ? p : q; }, x, a, b);
}

[[gnu::always_inline]] inline Lanes load(float const* from) {
  Lanes result;
  for (int i = 0; i < native_parts; ++i) {
    std::memcpy(&result.part[i], from + i * native_lanes, sizeof result.part[i]);
  }
  return result;
}

/// bfloat16 as 32-bit words; the compilers' own conversion goes through halves of a register.
[[gnu::always_inline]] inline NativeWords widen(std::uint16_t const* from) {
#if defined(__AVX512F__)
  return std::bit_cast<NativeWords>(_mm512_maskz_cvtepu16_epi32(
      0xFFFF, _mm256_loadu_si256(reinterpret_cast<__m256i const*>(from))));
#elif defined(__AVX2__) && defined(__FMA__)
  return std::bit_cast<NativeWords>(
      _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from))));
#elif defined(__GNUC__)
  NativeHalves halves;
  std::memcpy(&halves, from, sizeof halves);
  return __builtin_convertvector(halves, NativeWords);
#else
  return *from;
#endif
}

/// Sixteen bfloat16, widened.
[[gnu::always_inline]] inline Lanes load(std::uint16_t const* from) {
  Lanes result;
  for (int i = 0; i < native_parts; ++i) {
    result.part[i] = std::bit_cast<NativeFloats>(widen(from + i * native_lanes) << 16U);
  }
  return result;
}

[[gnu::always_inline]] inline void store(float* to, Lanes const& lanes) {
  for (int i = 0; i < native_parts; ++i) {
    std::memcpy(to + i * native_lanes, &lanes.part[i], sizeof lanes.part[i]);
  }
}

/// Sixteen bfloat16, rounded to nearest even; a NaN stays one.
[[gnu::always_inline]] inline void store_bf16(std::uint16_t* to, Lanes const& lanes) {
  for (int i = 0; i < native_parts; ++i) {
    NativeFloats const value = lanes.part[i];
    auto const bits = std::bit_cast<NativeWords>(value);
    NativeWords const rounded = (bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U;
    NativeWords const upper = value == value ? rounded : (bits >> 16U) | 0x40U;
    for (int j = 0; j < native_lanes; ++j) {
      to[i * native_lanes + j] = static_cast<std::uint16_t>(upper[j]);
    }
  }
}

/// The first `count` of sixteen, the others `rest`.
[[gnu::always_inline]] inline Lanes load_some(float const* from,
                                              std::int64_t count,
                                              float rest = 0.0F) {
  if (count >= num_lanes) {
    return load(from);
  }
  float padded[num_lanes];
  std::fill_n(padded, num_lanes, rest);
  std::copy_n(from, count, padded);
  return load(padded);
}

[[gnu::always_inline]] inline void store_some(float* to, Lanes const& lanes, std::int64_t count) {
  if (count >= num_lanes) {
    return store(to, lanes);
  }
  float padded[num_lanes];
  store(padded, lanes);
  std::copy_n(padded, count, to);
}

#if defined(__AVX2__) && defined(__FMA__)

/// All lanes joined by halves: lane i with lane i + 8, then + 4, + 2 and + 1.
template <class Join>
[[gnu::always_inline]] inline float join_halves(Lanes const& lanes, Join const& join) {
  __m256 halves[2];
  std::memcpy(halves, &lanes, sizeof halves);
  __m128 quarters[2][2];
  for (int i = 0; i < 2; ++i) {
    quarters[i][0] = _mm256_castps256_ps128(halves[i]);
    quarters[i][1] = _mm256_extractf128_ps(halves[i], 1);
  }
  __m128 const four =
      join(join(quarters[0][0], quarters[1][0]), join(quarters[0][1], quarters[1][1]));
  __m128 const two = join(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(join(two, _mm_movehdup_ps(two)));
}

#endif

/// The sum of all lanes, by halves: one fixed tree.
[[nodiscard]] inline float sum_of(Lanes const& lanes) {
#if defined(__AVX2__) && defined(__FMA__)
  return join_halves(lanes, [](__m128 a, __m128 b) { return _mm_add_ps(a, b); });
#else
  float values[num_lanes];
  store(values, lanes);
  for (int half = num_lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      values[i] += values[i + half];
    }
  }
  return values[0];
#endif
}

/// The greatest lane; none may be NaN.
[[nodiscard]] inline float maximum_of(Lanes const& lanes) {
#if defined(__AVX2__) && defined(__FMA__)
  return join_halves(lanes, [](__m128 a, __m128 b) { return _mm_max_ps(a, b); });
#else
  NativeFloats greatest = lanes.part[0];
  for (int i = 1; i < native_parts; ++i) {
    greatest = lanes.part[i] > greatest ? lanes.part[i] : greatest;
  }
  float values[native_lanes];
  std::memcpy(values, &greatest, sizeof values);
  return *std::max_element(values, values + native_lanes);
#endif
}

/// exp(x), to 2 units in the last place; exactly 1 for 0, exactly 0 below the least normal result
/// (and for -infinity), infinity above the greatest.
///
/// Cody and Waite's reduction, x = n log(2) + r, and the Taylor polynomial of degree 7, whose
/// remainder for |r| <= log(2) / 2 is 5e-9 of the result.
///
/// Reference: W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980,
/// chapter 6.
[[gnu::always_inline]] inline NativeFloats exp(NativeFloats x) {
  constexpr float least = -87.33654F;     // log of the least normal float
  constexpr float greatest = 88.72283F;   // log of the greatest float
  constexpr float rounder = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  constexpr float inverse_log2 = 1.44269504F;
  constexpr float log2_high = 0.693359375F;  // few bits, so that n * log2_high is exact
  constexpr float log2_low = -2.12194440e-4F;
  auto const clamped = [&] {
    NativeFloats const up = x < least ? native_broadcast(least) : x;  // NaN stays NaN
    return up > greatest ? native_broadcast(greatest) : up;
  }();

  NativeFloats const shifted = clamped * inverse_log2 + rounder;
  NativeFloats const n = shifted - rounder;
  NativeFloats const r = (clamped - n * log2_high) - n * log2_low;
  NativeFloats sum = native_broadcast(1.0F / 5040.0F);
  for (float const coefficient :
       {1.0F / 720.0F, 1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F}) {
    sum = multiply_add(sum, r, native_broadcast(coefficient));
  }

  // 2^n in two factors, each a normal number, since n reaches 128.
  auto const steps = std::bit_cast<NativeInts>(shifted) - std::bit_cast<std::int32_t>(rounder);
  NativeInts const half = steps >> 1;
  auto const power = [](NativeInts exponent) {
    return std::bit_cast<NativeFloats>((exponent + 127) << 23);
  };
  NativeFloats const result = sum * power(half) * power(steps - half);
  NativeFloats const floored = x < least ? native_broadcast(0.0F) : result;
  return x > greatest ? native_broadcast(std::numeric_limits<float>::infinity()) : floored;
}

[[gnu::always_inline]] inline Lanes exp(Lanes const& x) {
  return map([](NativeFloats part) { return exp(part); }, x);
}

/// tanh(x) = 1 - 2 / (1 + exp(2 x)), to 1.5e-7 of 1: accurate where it is added or multiplied by
/// something of its own size, not relative to a tiny result.
[[gnu::always_inline]] inline Lanes tanh(Lanes const& x) {
  Lanes const one = broadcast(1.0F);
  return one - broadcast(2.0F) / (one + exp(x + x));
}

}  // namespace talus::kernels::TALUS_TARGET
