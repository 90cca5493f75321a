// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/float_code_parts.hpp"
#include "kernels/block/float_codes.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_stage.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// y[t, o] = the sum of x[t] and w[o], codes of fp8.
template <class Input>
struct FloatCodeJob {
  MatrixView<Input const> x;
  CodeMatrix w;
  MatrixView<float> y;
  bool is_x_aligned = false;  ///< each 16 bytes of its rows begin at a multiple of 16

  TALUS_DEVICE void end_rows(std::int64_t row) { x.rows = y.rows = row; }

  TALUS_DEVICE void take_weights(std::byte const* weights) { w.take(weights); }

  [[nodiscard]] TALUS_DEVICE bool has_panel(std::int64_t panel) const {
    return panel * CodeLayout::panel_outputs < y.cols;
  }

  /// Where 16 outputs' codes are in a part, in 32-bit words.
  ///
  /// \param fragment  of the matrix, of 16 outputs each
  [[nodiscard]] TALUS_DEVICE std::int64_t word_of(std::int64_t fragment,
                                                  FloatCodePlace const& place) const {
    constexpr int panel_fragments = CodeLayout::panel_outputs / fragment_outputs;
    return fragment / panel_fragments * (w.layout.panel_bytes() / 4) +
           std::int64_t{place.codes} * lane_words + fragment % panel_fragments * fragment_words;
  }

  /// A scale of a part; zero where there is no such output.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float scale_of(Block& block,
                                            std::int64_t output,
                                            FloatCodePlace const& place) const {
    if (output >= y.cols) {
      return 0.0F;
    }
    std::int64_t const panel = output / CodeLayout::panel_outputs;
    return w
        .scale_at(block,
                  panel * w.layout.panel_bytes() + std::int64_t{place.header} * 4,
                  static_cast<int>(output % CodeLayout::panel_outputs))
        .scale;
  }
};

/// From one chunk of a panel to the next, in 32-bit words.
inline constexpr int chunk_words_of_panel =
    CodeLayout::panel_outputs / fragment_outputs * fragment_words;

/// Brings codes of a tile and rows of its input, rounded to bfloat16 before, to shared memory, step
/// by step: what a part doesn't have is zero.
///
/// Codes are there as lanes read them, and so are rows: of each chunk 64 bytes of a row beside
/// those of the next row, so that lanes' 16 bytes meet in no bank.
template <TileShape Shape>
struct FloatCodeStage {
  static constexpr int chunks = static_cast<int>(step_inputs / quant_chunk);  ///< of a step
  static constexpr int lefts = Shape.outputs() / fragment_outputs;
  static constexpr int row_words = static_cast<int>(quant_chunk) / 2;  ///< of a row in a chunk
  /// From one chunk of rows to the next: so that copies of both meet in few banks.
  static constexpr int rows_words = Shape.rows() * row_words + row_words;
  static constexpr int code_words = Shape.stages * Shape.groups * lefts * chunks * fragment_words;
  static constexpr int input_words = Shape.stages * Shape.groups * chunks * rows_words;

  using Job = FloatCodeJob<std::uint16_t>;
  using Words = Vector<std::uint32_t, lane_words>;

  SharedSpan<std::uint32_t> codes;   ///< [stages, groups, lefts, chunks, lanes, lane_words]
  SharedSpan<std::uint32_t> inputs;  ///< [stages, groups, chunks, rows, row_words]

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::uint32_t>(code_words) + shared_bytes_of<std::uint32_t>(input_words);
  }

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE FloatCodeStage make(Block& block) {
    return {shared_array<std::uint32_t>(block, code_words),
            shared_array<std::uint32_t>(block, input_words)};
  }

  template <class Block>
  TALUS_DEVICE void begin(Block& block,
                          Job const& job,
                          TilePlace const& tile,
                          TileCursor<Shape> const& cursor,
                          SharedSpan<FloatCodePlace> places) const {
    if (!cursor.is_done()) {
      copy_codes(block, job, tile.first_output / fragment_outputs, cursor, places);
      copy_rows(block, job, tile.first_row, cursor);
    }
    block.commit_copies();
  }

  /// A lane's codes of 16 outputs and a chunk.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Words
  left(Block& block, int slot, int group, int fragment, int chunk) const {
    int const number = ((slot * Shape.groups + group) * lefts + fragment) * chunks + chunk;
    int const lane = block.thread_index() % warp_size;
    return block.load(codes, number * fragment_words + lane * lane_words, width<lane_words>);
  }

  /// A lane's inputs of a chunk, of rows `row` to + 7.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Words
  right(Block& block, int slot, int group, int row, int chunk) const {
    int const number = (slot * Shape.groups + group) * chunks + chunk;
    int const lane = block.thread_index() % warp_size;
    return block.load(inputs,
                      number * rows_words + (row + lane / 4) * row_words + lane % 4 * lane_words,
                      width<lane_words>);
  }

 private:
  template <class Block>
  TALUS_DEVICE void copy_codes(Block& block,
                               Job const& job,
                               std::int64_t first_fragment,
                               TileCursor<Shape> const& cursor,
                               SharedSpan<FloatCodePlace> places) const {
    MatrixView<std::uint32_t const> const from{
        job.w.words.data, 1, job.w.words.size, job.w.words.size};
    constexpr int group_copies = lefts * chunks * warp_size;
    for (int i = block.thread_index(); i < Shape.groups * group_copies; i += Shape.threads()) {
      int const group = i / group_copies;
      std::int64_t const fragment = first_fragment + i % group_copies / (chunks * warp_size);
      int const chunk = i / warp_size % chunks;
      auto const own = cursor.inputs(block, group);
      bool const is_there = own.first + chunk * static_cast<int>(quant_chunk) < own.last &&
                            fragment * fragment_outputs < job.y.cols;
      std::int64_t word = 0;
      if (is_there) {
        FloatCodePlace const place = block.load(places, cursor.part + group);
        word = job.word_of(fragment, place) +
               std::int64_t{cursor.step * chunks + chunk} * chunk_words_of_panel +
               i % warp_size * lane_words;
      }
      block.copy_async(codes,
                       (cursor.slot() * Shape.groups * group_copies + i) * lane_words,
                       from,
                       0,
                       word,
                       width<lane_words>,
                       is_there ? lane_words : 0);
    }
  }

  template <class Block>
  TALUS_DEVICE void copy_rows(Block& block,
                              Job const& job,
                              std::int64_t first_row,
                              TileCursor<Shape> const& cursor) const {
    constexpr int row_copies = chunks * row_words / lane_words;
    MatrixView<std::uint32_t const> const pairs{reinterpret_cast<std::uint32_t const*>(job.x.data),
                                                job.x.rows,
                                                job.x.cols / 2,
                                                job.x.row_stride / 2};
    for (int i = block.thread_index(); i < Shape.groups * Shape.rows() * row_copies;
         i += Shape.threads()) {
      int const row = i / row_copies;
      int const word = i % row_copies * lane_words;
      int const group = row / Shape.rows();
      std::int64_t const t = first_row + row % Shape.rows();
      auto const own = cursor.inputs(block, group);
      std::int32_t const input = own.first + word * 2;
      std::int32_t const left = t < job.x.rows ? own.last - input : 0;
      int const to =
          ((cursor.slot() * Shape.groups + group) * chunks + word / row_words) * rows_words +
          row % Shape.rows() * row_words + word % row_words;
      if (job.is_x_aligned) {
        int const count = left < 0 ? 0 : left < lane_inputs ? left / 2 : lane_words;
        block.copy_async(inputs, to, pairs, t, input / 2, width<lane_words>, count);
        continue;
      }
      Words values{};
      TALUS_UNROLL
      for (int k = 0; k < lane_inputs; ++k) {
        if (k < left) {
          values[k / 2] |= std::uint32_t{block.load(job.x, t, input + k)}
                           << static_cast<unsigned>(k % 2 * 16);
        }
      }
      block.store(inputs, to, values);
    }
  }
};

}  // namespace talus::kernels::block
