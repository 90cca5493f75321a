// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/kv_elements.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// Codes of keys and values as numbers in bfloat16, in which all of them are exact: four at a time,
/// as fragments of tensor cores have them, in seven instructions of int8, and nine of e4m3.

namespace talus::kernels::block {

/// Two pairs of bfloat16, each in a register.
using Bf16Pairs = Vector<std::uint32_t, 2>;

/// a * b + c of both halves. \pre the result is one in bfloat16
[[nodiscard]] TALUS_DEVICE inline std::uint32_t multiply_add_pair(std::uint32_t a,
                                                                  std::uint32_t b,
                                                                  std::uint32_t c) {
#if defined(__CUDA_ARCH__)
  std::uint32_t result;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
#else
  std::uint32_t result = 0;
  for (unsigned shift = 0; shift < 32; shift += 16) {
    auto const half = [shift](std::uint32_t pair) {
      return bf16_to_float(static_cast<std::uint16_t>(pair >> shift));
    };
    std::uint32_t const bits = float_to_bf16(half(a) * half(b) + half(c));
    result |= bits << shift;
  }
  return result;
#endif
}

/// The values of the even ones of four codes, and of the odd ones.
template <class Kind>
[[nodiscard]] TALUS_DEVICE Bf16Pairs pairs_of(std::uint32_t codes);

/// A code's lower seven bits are added to 128, its sign's bit to another 128, by making them the
/// fraction: their difference is the value.
template <>
[[nodiscard]] TALUS_DEVICE inline Bf16Pairs pairs_of<KvInt8>(std::uint32_t codes) {
  constexpr std::uint32_t two_128s = 0x43004300U;
  constexpr std::uint32_t two_minus_ones = 0xBF80BF80U;
  std::uint32_t const odd = codes >> 8U;
  return {multiply_add_pair(
              (codes & 0x00800080U) | two_128s, two_minus_ones, (codes & 0x007F007FU) | two_128s),
          multiply_add_pair(
              (odd & 0x00800080U) | two_128s, two_minus_ones, (odd & 0x007F007FU) | two_128s)};
}

/// A code's exponent and fraction are shifted to where bfloat16 has its own, whose bias is greater
/// by 120; subnormal ones are, too. (The code of what is no number, which store_kv doesn't write,
/// becomes 480.)
template <>
[[nodiscard]] TALUS_DEVICE inline Bf16Pairs pairs_of<KvE4m3>(std::uint32_t codes) {
  constexpr std::uint32_t signs = 0x80008000U;
  constexpr std::uint32_t others = 0x07F007F0U;
  constexpr std::uint32_t two_powers = 0x7B807B80U;       // 2^120
  constexpr std::uint32_t two_minus_zeros = 0x80008000U;  // what leaves the sign of a zero
  return {multiply_add_pair(
              (codes << 8U & signs) | (codes << 4U & others), two_powers, two_minus_zeros),
          multiply_add_pair((codes & signs) | (codes >> 4U & others), two_powers, two_minus_zeros)};
}

}  // namespace talus::kernels::block
