// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/lanes/lanes.hpp"

/// \file
/// Integers of eight bits, four to a lane: what quantised products are made of.

namespace talus::kernels::TALUS_TARGET {

#if !defined(__GNUC__)
#error "quantised products are written in the vector types of GCC and Clang"
#endif

/// Four codes of weights for each lane of a register, without a sign.
using NativeCodes [[gnu::vector_size(native_lanes * 4)]] = std::uint8_t;

/// Two 16-bit integers for each lane.
using NativePairs [[gnu::vector_size(native_lanes * 4)]] = std::int16_t;
using NativeUnsignedPairs [[gnu::vector_size(native_lanes * 4)]] = std::uint16_t;

[[gnu::always_inline]] inline NativeCodes load_codes(std::byte const* from) {
  NativeCodes codes;
  std::memcpy(&codes, from, sizeof codes);
  return codes;
}

/// One 32-bit word, in all lanes.
[[gnu::always_inline]] inline NativeInts broadcast_word(void const* from) {
  std::int32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word - NativeInts{};
}

inline constexpr std::int16_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

[[gnu::always_inline]] inline NativePairs load_ones() {
  NativePairs pairs;
  std::memcpy(&pairs, ones, sizeof pairs);
  return pairs;
}

// Where there are instructions for them, products are added by assembly of our own: left alone, the
// compiler delays the additions, and runs out of registers.

/// Adds w0 * x0 + w1 * x1 and w2 * x2 + w3 * x3 in each lane, whose four inputs, with a sign, are
/// those of `x`. All sums must fit in 16 bits.
[[gnu::always_inline]] inline void add_products(NativePairs& sums, NativeCodes w, NativeInts x) {
#if defined(__AVX512BW__)
  NativePairs products;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
          : "+v"(sums), "=&v"(products)
          : "v"(w), "v"(x));
#elif defined(__AVX2__)
  NativePairs products;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
          : "+x"(sums), "=&x"(products)
          : "x"(w), "x"(x));
#else
  auto const words = std::bit_cast<NativeUnsignedPairs>(w);
  auto const inputs = std::bit_cast<NativePairs>(x);
  sums += std::bit_cast<NativePairs>(words & 255) * ((inputs << 8) >> 8);
  sums += std::bit_cast<NativePairs>(words >> 8) * (inputs >> 8);
#endif
}

/// sum + p0 + p1 in each lane.
[[gnu::always_inline]] inline NativeInts add_pairs(NativeInts sum, NativePairs pairs) {
#if defined(__AVX512BW__)
  return sum + std::bit_cast<NativeInts>(_mm512_madd_epi16(std::bit_cast<__m512i>(pairs),
                                                           std::bit_cast<__m512i>(load_ones())));
#elif defined(__AVX2__)
  return sum + std::bit_cast<NativeInts>(_mm256_madd_epi16(std::bit_cast<__m256i>(pairs),
                                                           std::bit_cast<__m256i>(load_ones())));
#else
  auto const words = std::bit_cast<NativeInts>(pairs);
  return sum + ((words << 16) >> 16) + (words >> 16);
#endif
}

/// Adds w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3 in each lane. The sums of the first two products and
/// of the last two must fit in 16 bits.
[[gnu::always_inline]] inline void add_products(NativeInts& sums, NativeCodes w, NativeInts x) {
#if defined(__AVX512VNNI__)
  sums = std::bit_cast<NativeInts>(_mm512_dpbusd_epi32(
      std::bit_cast<__m512i>(sums), std::bit_cast<__m512i>(w), std::bit_cast<__m512i>(x)));
#elif defined(__AVX512BW__)
  NativePairs products;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
          : "+v"(sums), "=&v"(products)
          : "v"(w), "v"(x), "vm"(load_ones()));
#elif defined(__AVX2__)
  NativePairs products;
  __asm__("vpmaddubsw %3, %2, %1\n\tvpmaddwd %4, %1, %1\n\tvpaddd %1, %0, %0"
          : "+x"(sums), "=&x"(products)
          : "x"(w), "x"(x), "xm"(load_ones()));
#else
  NativePairs pairs{};
  add_products(pairs, w, x);
  sums = add_pairs(sums, pairs);
#endif
}

/// Codes, a byte each, widened.
[[gnu::always_inline]] inline NativeInts widen_codes(std::byte const* from) {
#if defined(__AVX512F__)
  return std::bit_cast<NativeInts>(
      _mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_loadu_si128(reinterpret_cast<__m128i const*>(from))));
#elif defined(__AVX2__)
  return std::bit_cast<NativeInts>(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<__m128i const*>(from))));
#else
  using Bytes [[gnu::vector_size(native_lanes)]] = std::uint8_t;
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, NativeInts);
#endif
}

/// The codes in the lower and in the upper four bits of each byte.
[[gnu::always_inline]] inline NativeCodes lower_codes(NativeCodes bytes) {
  return bytes & 15;
}

[[gnu::always_inline]] inline NativeCodes upper_codes(NativeCodes bytes) {
  return std::bit_cast<NativeCodes>(std::bit_cast<NativeUnsignedPairs>(bytes) >> 4) & 15;
}

/// Twice the value of each e2m1 code, plus 12: 0 to 24.
[[gnu::always_inline]] inline NativeCodes doubled_e2m1(NativeCodes codes) {
#if defined(__AVX2__)
  __m128i const table = _mm_setr_epi8(12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0);
#if defined(__AVX512BW__)
  return std::bit_cast<NativeCodes>(_mm512_shuffle_epi8(_mm512_maskz_broadcast_i32x4(0xFFFF, table),
                                                        std::bit_cast<__m512i>(codes)));
#else
  return std::bit_cast<NativeCodes>(
      _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), std::bit_cast<__m256i>(codes)));
#endif
#else
  auto const mask = [](auto lanes) { return std::bit_cast<NativeCodes>(lanes); };
  NativeCodes const magnitudes = codes & 7;
  NativeCodes const values =
      magnitudes + (mask(magnitudes > 4) & (magnitudes - 4)) + (mask(magnitudes == 7) & 2);
  NativeCodes const is_negative = mask((codes & 8) != 0);
  return 12 + (is_negative & -values) + (~is_negative & values);
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

}  // namespace talus::kernels::TALUS_TARGET
