// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_layout.hpp"
#include "kernels/block/fragments.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// Codes of fp8 as fragments of bfloat16 for tensor cores: exactly.
///
/// A chunk is two products of 16 inputs, which take them as a lane reads them: lane l has the
/// chunk's inputs 8 (l % 4) to + 7, of weights and of rows alike, the first four of which are its
/// part of the first product.

namespace talus::kernels::block {

/// Products of tensor cores that a chunk is.
inline constexpr int chunk_products = static_cast<int>(quant_chunk) / fragment_inputs;

/// Neighbouring inputs of a chunk that a lane has.
inline constexpr int lane_inputs = 8;

/// 32-bit words of codes that a lane has of 16 outputs and a chunk, and that 16 outputs have.
inline constexpr int lane_words = 4;
inline constexpr int fragment_words = lane_words * warp_size;

/// Where a code of fp8 is in its chunk.
///
/// A word has both halves of two registers of a left fragment: in its lower bytes of that of
/// outputs 0 to 7, in the upper ones of that of outputs 8 to 15.
///
/// \param i       input of the chunk
/// \param output  of the panel
[[nodiscard]] constexpr std::int64_t byte_of_float_code(std::int64_t i, std::int64_t output) {
  std::int64_t const fragment = output / fragment_outputs;
  std::int64_t const lane = output % 8 * 4 + i / lane_inputs;
  std::int64_t const word = i % lane_inputs / 2;
  std::int64_t const byte = i % 2 * 2 + output % fragment_outputs / 8;
  return ((fragment * warp_size + lane) * lane_words + word) * 4 + byte;
}

/// Two bfloat16, times 2^120: exact for magnitudes that this brings below 2^9.
[[nodiscard]] TALUS_DEVICE inline std::uint32_t raise_pair(std::uint32_t pair) {
#if defined(__CUDA_ARCH__)
  std::uint32_t raised = 0;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;"  // minus zero is added: that keeps each sign
      : "=r"(raised)
      : "r"(pair), "r"(0x7B807B80U), "r"(0x80008000U));
  return raised;
#else
  auto const raised = [](std::uint32_t bits) {
    float const value = bf16_to_float(static_cast<std::uint16_t>(bits)) * 0x1p120F;
    return std::bit_cast<std::uint32_t>(value) >> 16U;
  };
  return raised(pair & 0xFFFFU) | raised(pair >> 16U) << 16U;
#endif
}

/// The values of the codes of e4m3 in the upper bytes of both halves.
///
/// Sign, exponent and fraction are moved to where bfloat16 has them: which is the value, times
/// 2^-120, of subnormal codes, too. (NaN, which is refused at load, gives 480.)
[[nodiscard]] TALUS_DEVICE inline std::uint32_t e4m3_pair(std::uint32_t codes) {
  return raise_pair((codes & 0x80008000U) | (codes >> 4U & 0x07F007F0U));
}

/// Of a lane's words of 16 outputs and a chunk, the left fragment of product `number`.
[[nodiscard]] TALUS_DEVICE inline LeftFragment left_codes(
    Vector<std::uint32_t, lane_words> const& words, int number) {
  std::uint32_t const first = words[number * 2];
  std::uint32_t const second = words[number * 2 + 1];
  return {e4m3_pair(first << 8U), e4m3_pair(first), e4m3_pair(second << 8U), e4m3_pair(second)};
}

/// Two floats, rounded to bfloat16, the first one in the lower half.
[[nodiscard]] TALUS_DEVICE inline std::uint32_t rounded_pair(float first, float second) {
#if defined(__CUDA_ARCH__)
  std::uint32_t pair = 0;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return float_to_bf16(first) | std::uint32_t{float_to_bf16(second)} << 16U;
#endif
}

}  // namespace talus::kernels::block
