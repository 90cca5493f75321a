// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/block/block.hpp"

/// \file
/// Integer instructions that GPUs have and C++ doesn't name. All are exact.

namespace talus::kernels::block {

/// Bits that are set.
[[nodiscard]] TALUS_DEVICE inline int count_bits(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
  return __popc(bits);
#else
  return std::popcount(bits);
#endif
}

/// Byte i of a word.
[[nodiscard]] constexpr std::uint32_t byte_of(std::uint32_t word, int i) {
  return word >> static_cast<unsigned>(8 * i) & 0xFFU;
}

/// Byte i of a word, as a number with a sign.
[[nodiscard]] constexpr std::int32_t signed_byte(std::uint32_t word, int i) {
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(byte_of(word, i)));
}

/// sum + the products of four bytes with signs.
[[nodiscard]] TALUS_DEVICE inline std::int32_t add_products(std::uint32_t a,
                                                            std::uint32_t b,
                                                            std::int32_t sum) {
#if defined(__CUDA_ARCH__)
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
#else
  for (int i = 0; i < 4; ++i) {
    sum += signed_byte(a, i) * signed_byte(b, i);
  }
  return sum;
#endif
}

/// Byte i is the one of eight, those of `low` first, that the lower three bits of nibble i of
/// `places` name. \pre the nibbles are below 8
[[nodiscard]] TALUS_DEVICE inline std::uint32_t choose_bytes(std::uint32_t low,
                                                             std::uint32_t high,
                                                             std::uint32_t places) {
#if defined(__CUDA_ARCH__)
  return __byte_perm(low, high, places);
#else
  std::uint32_t chosen = 0;
  for (int i = 0; i < 4; ++i) {
    auto const place = static_cast<int>(places >> static_cast<unsigned>(4 * i) & 7U);
    std::uint32_t const byte = place < 4 ? byte_of(low, place) : byte_of(high, place - 4);
    chosen |= byte << static_cast<unsigned>(8 * i);
  }
  return chosen;
#endif
}

/// (value & mask) ^ flips, as one instruction: left to itself, a compiler takes two.
[[nodiscard]] TALUS_DEVICE inline std::uint32_t mask_and_flip(std::uint32_t value,
                                                              std::uint32_t mask,
                                                              std::uint32_t flips) {
#if defined(__CUDA_ARCH__)
  std::uint32_t result = 0;
  asm("lop3.b32 %0, %1, %2, %3, 0x6A;" : "=r"(result) : "r"(value), "r"(mask), "r"(flips));
  return result;
#else
  return (value & mask) ^ flips;
#endif
}

/// Byte i is 0xFF where the byte that nibble i of `places` names, as for choose_bytes(), is less
/// than zero, and else 0. \pre the nibbles are below 8
[[nodiscard]] TALUS_DEVICE inline std::uint32_t spread_signs(std::uint32_t low,
                                                             std::uint32_t high,
                                                             std::uint32_t places) {
#if defined(__CUDA_ARCH__)
  std::uint32_t spread = 0;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(spread) : "r"(low), "r"(high), "r"(places | 0x8888U));
  return spread;
#else
  std::uint32_t const bytes = choose_bytes(low, high, places);
  return (bytes >> 7U & 0x01010101U) * 0xFFU;
#endif
}

}  // namespace talus::kernels::block
