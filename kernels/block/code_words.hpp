// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_layout.hpp"
#include "kernels/block/integers.hpp"

/// \file
/// The codes of a chunk of one output, as code_layout.hpp packs them, and their values.

namespace talus::kernels::block {

inline constexpr int code_quad = 4;  ///< 32-bit words of 16 bytes

using CodeQuad = Vector<std::uint32_t, code_quad>;

/// What integer codes stand for.
template <QuantKind Kind>
struct IntegerCodes;

template <>
struct IntegerCodes<QuantKind::int8> {
  static constexpr std::int32_t zero = 0;  ///< the zero point where the format stores none

  /// A stored zero point's value.
  [[nodiscard]] static constexpr std::int32_t zero_of(std::uint8_t code) {
    return static_cast<std::int8_t>(code);
  }

  /// The values of four bytes.
  [[nodiscard]] static constexpr std::uint32_t values(std::uint32_t codes) { return codes; }
};

template <>
struct IntegerCodes<QuantKind::int4> {
  static constexpr std::int32_t zero = 8;

  [[nodiscard]] static constexpr std::int32_t zero_of(std::uint8_t code) { return code; }

  [[nodiscard]] static constexpr std::uint32_t values(std::uint32_t codes) { return codes; }
};

/// Twice the values of e2m1; scales are halved.
template <>
struct IntegerCodes<QuantKind::mxfp4> {
  static constexpr std::int32_t zero = 0;

  [[nodiscard]] static constexpr std::int32_t zero_of(std::uint8_t /*code*/) { return 0; }

  /// By tables of the eight magnitudes, and of them below zero.
  [[nodiscard]] static TALUS_DEVICE std::uint32_t values(std::uint32_t codes) {
    std::uint32_t const magnitudes = codes & 0x07070707U;
    std::uint32_t const pairs = (magnitudes | magnitudes >> 4U) & 0x00FF00FFU;
    std::uint32_t const places = (pairs | pairs >> 8U) & 0xFFFFU;
    std::uint32_t const above = choose_bytes(0x03020100U, 0x0C080604U, places);
    std::uint32_t const below = choose_bytes(0xFDFEFF00U, 0xF4F8FAFCU, places);
    std::uint32_t const is_below = (codes >> 3U & 0x01010101U) * 0xFFU;
    return (above & ~is_below) | (below & is_below);
  }
};

/// A chunk's codes of one output.
template <QuantKind Kind>
struct ChunkCodes {
  static constexpr int num_quads = has_byte_codes(Kind) ? 2 : 1;

  CodeQuad quads[std::size_t{num_quads}];

  /// \param word  of the chunk's first code, in 32-bit words
  template <class Block>
  TALUS_DEVICE void load(Block& block,
                         GlobalSpan<std::uint32_t const> codes,
                         std::int64_t word,
                         int lane) {
    for (int q = 0; q < num_quads; ++q) {
      quads[q] = block.load(
          codes, word + (q * CodeLayout::panel_outputs + lane) * code_quad, width<code_quad>);
    }
  }

  /// The codes of inputs 4 i to 4 i + 3, a byte each.
  [[nodiscard]] constexpr std::uint32_t word(int i) const {
    if (has_byte_codes(Kind)) {
      return quads[i / code_quad][i % code_quad];
    }
    return quads[0][i / 2] >> static_cast<unsigned>(i % 2 * 4) & 0x0F0F0F0FU;
  }
};

}  // namespace talus::kernels::block
