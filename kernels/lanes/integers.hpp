// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/lanes/lanes.hpp"

/// \file
/// Pairs of 16-bit integers, a pair a lane: what quantised products are made of.

namespace talus::kernels::TALUS_TARGET {

#if !defined(__GNUC__)
#error "quantised products are written in the vector types of GCC and Clang"
#endif

/// Two 16-bit integers for each lane of a register.
using NativePairs [[gnu::vector_size(native_lanes * 4)]] = std::int16_t;
using NativeUnsignedPairs [[gnu::vector_size(native_lanes * 4)]] = std::uint16_t;
using NativeBytes [[gnu::vector_size(native_lanes * 2)]] = std::int8_t;

/// sum + a0 * b0 + a1 * b1 in each lane, (a0, a1) and (b0, b1) being its pairs. Exact as long as
/// it fits.
[[gnu::always_inline]] inline NativeInts add_products(NativeInts sum,
                                                      NativePairs a,
                                                      NativePairs b) {
  // Two instructions of our own: left alone, the compiler sums products in other orders than this,
  // and runs out of registers, or moves each sum once more than it need.
#if defined(__AVX512BW__)
  NativeInts products;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(sum), "=v"(products) : "v"(a), "v"(b));
  return sum;
#elif defined(__AVX2__)
  NativeInts products;
  __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=x"(products) : "x"(a), "x"(b));
  return sum;
#elif defined(__aarch64__)
  auto const x = std::bit_cast<int16x8_t>(a);
  auto const y = std::bit_cast<int16x8_t>(b);
  int32x4_t const low = vmull_s16(vget_low_s16(x), vget_low_s16(y));
  return sum + std::bit_cast<NativeInts>(vpaddq_s32(low, vmull_high_s16(x, y)));
#else
  for (int i = 0; i < native_lanes; ++i) {
    sum[i] += a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1];
  }
  return sum;
#endif
}

/// One pair, in all lanes.
[[gnu::always_inline]] inline NativePairs broadcast_pair(std::int16_t const* pair) {
  std::int32_t word = 0;
  std::memcpy(&word, pair, sizeof word);
  return std::bit_cast<NativePairs>(word - NativeInts{});
}

/// Pairs of signed bytes, widened.
[[gnu::always_inline]] inline NativePairs widen_bytes(std::byte const* from) {
#if defined(__AVX512BW__)
  return std::bit_cast<NativePairs>(_mm512_maskz_cvtepi8_epi16(
      0xFFFFFFFFU, _mm256_loadu_si256(reinterpret_cast<__m256i const*>(from))));
#elif defined(__AVX2__)
  return std::bit_cast<NativePairs>(
      _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from))));
#else
  NativeBytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, NativePairs);
#endif
}

/// Sixteen float16, widened.
[[gnu::always_inline]] inline Lanes load_halves(std::uint16_t const* from) {
#if defined(__AVX512F__)
  auto const halves = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(from));
  return {{_mm512_maskz_cvtph_ps(0xFFFF, halves)}};
#elif defined(__F16C__)
  auto const* const halves = reinterpret_cast<__m128i const*>(from);
  return {{_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))}};
#else
  float values[num_lanes];
  for (int i = 0; i < num_lanes; ++i) {
    values[i] = f16_to_float(from[i]);
  }
  return load(values);
#endif
}

/// Twice the value of each e2m1 code, plus 12: 0 to 24.
[[gnu::always_inline]] inline NativePairs doubled_e2m1(NativeUnsignedPairs codes) {
#if defined(__AVX2__)
  // An upper byte of 0x80 comes out as 0.
  __m128i const table = _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
#if defined(__AVX512BW__)
  auto const bytes = _mm512_shuffle_epi8(_mm512_maskz_broadcast_i32x4(0xFFFF, table),
                                         std::bit_cast<__m512i>(codes | 0x8000));
#else
  auto const bytes = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table),
                                         std::bit_cast<__m256i>(codes | 0x8000));
#endif
  return std::bit_cast<NativePairs>(bytes);
#else
  auto const magnitudes = std::bit_cast<NativePairs>(codes & 7);
  NativePairs const values =
      magnitudes + (magnitudes > 4 ? magnitudes - 4 : magnitudes * 0) + ((magnitudes == 7) & 2);
  return ((codes & 8) != 0 ? -values : values) + 12;
#endif
}

}  // namespace talus::kernels::TALUS_TARGET
