// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/code_words.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/block/quantize_rows.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Chunks of integer codes and of quantised rows on their way to tensor cores, for few rows. A lane
/// of a product has eight of a chunk's inputs of each output and row; which eight, doesn't matter,
/// as a chunk's sum is exact: here they are eight neighbours, in the order that their codes come
/// in.

namespace talus::kernels::block {

using InputPair = Vector<std::uint32_t, 2>;  ///< eight integers of eight bits

/// Eight neighbouring inputs of a chunk as fragments have them, of codes of a kind.
template <QuantKind Kind>
struct InputOctet;

template <>
struct InputOctet<QuantKind::int8> {
  /// What sums begin with: as the bits of a float, a sum on top of them is its last bits, exact, as
  /// it is less than 2^22 apart from zero; and the float without them is the product.
  static constexpr float base = 12582912.0F;  // 1.5 * 2^23

  /// Of inputs as they are stored.
  [[nodiscard]] static constexpr InputPair inputs(InputPair const& x) { return x; }

  /// A stored zero point, as products count it.
  [[nodiscard]] static constexpr std::int32_t zero(std::uint8_t code) {
    return IntegerCodes<QuantKind::int8>::zero_of(code);
  }
};

/// Codes less 8 are the upper halves of bytes, so that products count 16 times as much.
template <>
struct InputOctet<QuantKind::int4> {
  static constexpr float base = 786432.0F;  // 1.5 * 2^19, whose last bit is 2^-4

  [[nodiscard]] static TALUS_DEVICE InputPair codes(std::uint32_t word) {
    constexpr std::uint32_t upper = 0xF0F0F0F0U;
    constexpr std::uint32_t eights = 0x80808080U;
    return {{mask_and_flip(word << 4U, upper, eights), mask_and_flip(word, upper, eights)}};
  }

  [[nodiscard]] static constexpr InputPair inputs(InputPair const& x) { return x; }

  [[nodiscard]] static constexpr std::int32_t zero(std::uint8_t code) { return 16 * (code - 8); }
};

/// Inputs 0, 4, 1, 5 and 2, 6, 3, 7, as nibbles of a word come; twice the values of e2m1.
template <>
struct InputOctet<QuantKind::mxfp4> {
  static constexpr float base = 12582912.0F;

  /// By tables of the eight magnitudes, and of them below zero.
  [[nodiscard]] static TALUS_DEVICE InputPair codes(std::uint32_t word) {
    std::uint32_t const magnitudes = word & 0x77777777U;
    std::uint32_t const lower = word << 4U;  // the sign of what is in lower halves of bytes
    return {{values(magnitudes, spread_signs(lower, word, 0x5140U)),
             values(magnitudes >> 16U, spread_signs(lower, word, 0x7362U))}};
  }

  [[nodiscard]] static TALUS_DEVICE InputPair inputs(InputPair const& x) {
    return {{choose_bytes(x[0], x[1], 0x5140U), choose_bytes(x[0], x[1], 0x7362U)}};
  }

  [[nodiscard]] static constexpr std::int32_t zero(std::uint8_t /*code*/) { return 0; }

 private:
  [[nodiscard]] static TALUS_DEVICE std::uint32_t values(std::uint32_t magnitudes,
                                                         std::uint32_t is_below) {
    std::uint32_t const above = choose_bytes(0x03020100U, 0x0C080604U, magnitudes);
    std::uint32_t const below = choose_bytes(0xFDFEFF00U, 0xF4F8FAFCU, magnitudes);
    return (above & ~is_below) | (below & is_below);
  }
};

/// Where chunks and their headers are in a panel, in 32-bit words, without a division for each.
class PanelWords {
 public:
  constexpr explicit PanelWords(CodeLayout const& layout)
      : factor_{(whole + static_cast<std::uint32_t>(layout.group_chunks) - 1) /
                static_cast<std::uint32_t>(layout.group_chunks)},
        layout_{&layout} {}

  /// That of CodeLayout. \pre (chunk + phase) * group_chunks < 2^31, or the group is a whole row
  [[nodiscard]] constexpr std::int32_t group_of(std::int32_t chunk) const {
    auto const counted = static_cast<std::uint32_t>(chunk + layout_->phase);
    return static_cast<std::int32_t>(std::uint64_t{counted} * factor_ / whole);
  }

  [[nodiscard]] constexpr std::int32_t header(std::int32_t group) const {
    std::int32_t const first = group * layout_->group_chunks - layout_->phase;
    return group * header_words() + (first > 0 ? first : 0) * (layout_->chunk_bytes / 4);
  }

  [[nodiscard]] constexpr std::int32_t codes(std::int32_t chunk, std::int32_t group) const {
    return (group + 1) * header_words() + chunk * (layout_->chunk_bytes / 4);
  }

  [[nodiscard]] constexpr std::int32_t header_words() const { return layout_->header_bytes / 4; }

 private:
  static constexpr std::uint32_t whole = 0x80000000U;

  std::uint32_t factor_;
  CodeLayout const* layout_;
};

/// A chunk of a panel, the header of its group, and the rows' integers of the chunk, in shared
/// memory of one warp: all lanes of it call these functions.
template <QuantKind Kind, int Rows>
struct CodeSlot {
  static constexpr int outputs = CodeLayout::panel_outputs;
  static constexpr int row_pieces = QuantizedRows::chunk_words / code_quad;
  static constexpr int code_pieces = ChunkCodes<Kind>::num_quads;
  /// From the first half of a chunk's inputs to the last: so that lanes' words meet in no bank.
  static constexpr int half_words = outputs * code_quad + outputs / 2;
  static constexpr int rows_at = (code_pieces - 1) * half_words + outputs * code_quad;
  static constexpr int header_at = rows_at + Rows * QuantizedRows::chunk_words;
  /// With scales of float32, and zero points.
  static constexpr int size = header_at + outputs + outputs / 4;

  SharedSpan<std::uint32_t> words;

  /// Begins to copy codes that are at `word` of the matrix.
  template <class Block>
  TALUS_DEVICE void copy_codes(Block& block, CodeMatrix const& w, std::int64_t word) const {
    int const lane = block.thread_index() % warp_size;
    TALUS_UNROLL
    for (int piece = 0; piece < code_pieces; ++piece) {
      block.copy_async(words,
                       piece * half_words + lane * code_quad,
                       all_words(w),
                       0,
                       word + (piece * outputs + lane) * code_quad,
                       width<code_quad>,
                       code_quad);
    }
  }

  /// Likewise, of a header.
  template <class Block>
  TALUS_DEVICE void copy_header(Block& block, CodeMatrix const& w, std::int64_t word) const {
    int const first = block.thread_index() % warp_size * code_quad;
    if (first * 4 < w.layout.header_bytes) {
      block.copy_async(
          words, header_at + first, all_words(w), 0, word + first, width<code_quad>, code_quad);
    }
  }

  /// Where a lane's first piece of the tile's rows is, in a chunk, among the words of rows that
  /// begin at row `first`.
  [[nodiscard]] static TALUS_DEVICE std::int64_t lane_word(QuantizedRows const& x,
                                                           std::int64_t first,
                                                           int lane) {
    return (first + lane / row_pieces) * x.chunks * QuantizedRows::chunk_words +
           lane % row_pieces * code_quad;
  }

  /// Begins to copy the first `count` rows of the tile; others stay as they are.
  ///
  /// \param word  of the lane's first piece in the chunk
  template <class Block>
  TALUS_DEVICE void copy_rows(Block& block,
                              QuantizedRows const& x,
                              std::int64_t word,
                              int count) const {
    MatrixView<std::uint32_t const> const from{x.words.data, 1, x.words.size, x.words.size};
    int const lane = block.thread_index() % warp_size;
    TALUS_UNROLL
    for (int row = 0; row < Rows; row += warp_size / row_pieces) {
      if (row + lane / row_pieces < (Rows < count ? Rows : count)) {
        block.copy_async(words,
                         rows_at + row * QuantizedRows::chunk_words + lane * code_quad,
                         from,
                         0,
                         word + std::int64_t{row} * x.chunks * QuantizedRows::chunk_words,
                         width<code_quad>,
                         code_quad);
      }
    }
  }

  /// Makes everything zero.
  template <class Block>
  TALUS_DEVICE void clear(Block& block) const {
    for (int i = block.thread_index() % warp_size; i < size; i += warp_size) {
      block.store(words, i, 0U);
    }
  }

  /// The codes of outputs 16 number to + 15.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE LeftFragment left(Block& block, int number) const {
    int const lane = block.thread_index() % warp_size;
    LeftFragment fragment;
    TALUS_UNROLL
    for (int k = 0; k < 2; ++k) {
      InputPair const pair =
          codes(block, number * fragment_outputs + sum_output(lane, 2 * k), lane % 4);
      fragment[k] = pair[0];
      fragment[k + 2] = pair[1];
    }
    return fragment;
  }

  /// The integers of rows 8 number to + 7.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE RightFragment right(Block& block, int number) const {
    int const lane = block.thread_index() % warp_size;
    int const row = number * fragment_rows + lane / 4;
    return InputOctet<Kind>::inputs(
        block.load(words, rows_at + row * QuantizedRows::chunk_words + lane % 4 * 2, width<2>));
  }

  /// The scale of the lane's output.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE GroupScale scale(Block& block, CodeMatrix const& w) const {
    return w.scale_in(block, words, header_at, block.thread_index() % warp_size);
  }

 private:
  [[nodiscard]] static TALUS_DEVICE MatrixView<std::uint32_t const> all_words(CodeMatrix const& w) {
    return {w.words.data, 1, w.words.size, w.words.size};
  }

  /// The codes of inputs 8 octet to + 7.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE InputPair codes(Block& block, int output, int octet) const {
    if constexpr (has_byte_codes(Kind)) {
      return block.load(
          words, octet / 2 * half_words + output * code_quad + octet % 2 * 2, width<2>);
    } else {
      return InputOctet<Kind>::codes(block.load(words, output * code_quad + octet));
    }
  }
};

}  // namespace talus::kernels::block
