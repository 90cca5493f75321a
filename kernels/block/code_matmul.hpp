// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/code_words.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/quantize_rows.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// y[t, o] = the sum over chunks [first_chunk, last_chunk) of x[t] and w[o].
struct CodeJob {
  CodeMatrix w;
  std::int64_t first_row = 0;  ///< among the quantised rows of x
  std::int32_t first_chunk = 0;
  std::int32_t last_chunk = 0;
  MatrixView<float> y;

  TALUS_DEVICE void end_rows(std::int64_t row) { y.rows = row; }

  TALUS_DEVICE void take_weights(std::byte const* weights) { w.take(weights); }
};

/// Products with integer codes and quantised rows of x: those of a chunk are added as integers,
/// then y += float(sum) * (scale of the weights * scale of x), fused, chunk after chunk, as on CPUs
/// (kernels/lanes/quantized_functions.hpp).
///
/// Grid: panels of 32 outputs, tiles of rows, jobs (or of the rows of all experts, of which surplus
/// blocks leave, 1). Block: eight warps, a lane an output. Of each
/// round of chunks, the warps share out the chunks, read their codes once for all rows of the tile,
/// and leave the sums in shared memory; then they share out the rows, and each goes through the
/// chunks in order. Shared memory: a round's sums and scales.
template <QuantKind Kind, int Rows>
struct CodeMatmul {
  static constexpr char const* name = "talus::kernels::code_matmul";
  static constexpr int num_warps = 8;
  static constexpr int threads = num_warps * warp_size;
  static constexpr int chunks_of_warp = Rows <= num_warps ? 2 : 1;
  static constexpr int round = num_warps * chunks_of_warp;
  /// That a multiprocessor is to have registers for: few rows wait for codes, not for products.
  static constexpr int least_blocks = Rows <= num_warps ? 4 : 1;
  static constexpr int rows_of_warp = (Rows + num_warps - 1) / num_warps;

  Jobs<CodeJob> jobs;
  QuantizedRows x;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::int32_t>(round * Rows * warp_size) +
           shared_bytes_of<float>(round * warp_size);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, Rows);
    CodeJob const& job = tile.job;
    std::int64_t const first_row = tile.first_row;
    std::int64_t const panel = block.block_index().x;
    if (!tile.is_there() || panel * warp_size >= job.y.cols) {
      return;
    }
    auto const products = shared_array<std::int32_t>(block, round * Rows * warp_size);
    auto const scales = shared_array<float>(block, round * warp_size);
    std::int64_t const rows = job.y.rows - first_row < Rows ? job.y.rows - first_row : Rows;
    int const warp = block.thread_index() / warp_size;
    float sums[std::size_t{rows_of_warp}] = {};
    for (std::int32_t chunk = job.first_chunk; chunk < job.last_chunk; chunk += round) {
      for (int i = warp; i < round && chunk + i < job.last_chunk; i += num_warps) {
        multiply(block, job, {first_row, rows}, chunk, i, products, scales);
      }
      block.sync();
      for (int i = 0; i < round && chunk + i < job.last_chunk; ++i) {
        add(block, job, {first_row, rows}, chunk, i, products, scales, sums);
      }
      block.sync();
    }
    store(block, job, {first_row, rows}, sums);
  }

 private:
  /// Rows of y that a block has.
  struct TileRows {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };

  /// Where row `r` of x has chunk `chunk`.
  [[nodiscard]] TALUS_DEVICE std::int64_t place_of(CodeJob const& job,
                                                   std::int64_t r,
                                                   std::int32_t chunk) const {
    return (job.first_row + r) * x.chunks + chunk;
  }

  /// The products of chunk i of the round with all rows of the tile.
  template <class Block>
  TALUS_DEVICE void multiply(Block& block,
                             CodeJob const& job,
                             TileRows rows,
                             std::int32_t first_chunk,
                             int i,
                             SharedSpan<std::int32_t> products,
                             SharedSpan<float> scales) const {
    using Codes = IntegerCodes<Kind>;
    int const lane = block.thread_index() % warp_size;
    std::int32_t const chunk = first_chunk + i;
    std::int64_t const panel = block.block_index().x;
    ChunkCodes<Kind> codes;
    codes.load(block, job.w.words, job.w.word_of(panel, chunk), lane);
    GroupScale const group = job.w.scale_of(block, panel, chunk, lane);
    std::int32_t const zero = job.w.has_zeros ? Codes::zero_of(group.zero) : Codes::zero;
    block.store(scales, i * warp_size + lane, group.scale);
    std::uint32_t values[std::size_t{QuantizedRows::chunk_words}];
    for (int word = 0; word < QuantizedRows::chunk_words; ++word) {
      values[word] = Codes::values(codes.word(word));
    }
    for (std::int64_t r = 0; r < rows.count; ++r) {
      std::int64_t const place = place_of(job, rows.first + r, chunk);
      std::int32_t sum = -zero * block.load(x.sums, place);
      for (int word = 0; word < QuantizedRows::chunk_words; word += code_quad) {
        auto const integers =
            block.load(x.words, place * QuantizedRows::chunk_words + word, width<code_quad>);
        for (int k = 0; k < code_quad; ++k) {
          sum = add_products(integers[k], values[word + k], sum);
        }
      }
      block.store(products, (i * Rows + r) * warp_size + lane, sum);
    }
  }

  /// Adds chunk i of the round to the sums of this warp's rows.
  template <class Block>
  TALUS_DEVICE void add(Block& block,
                        CodeJob const& job,
                        TileRows rows,
                        std::int32_t first_chunk,
                        int i,
                        SharedSpan<std::int32_t> products,
                        SharedSpan<float> scales,
                        float (&sums)[std::size_t{rows_of_warp}]) const {
    int const lane = block.thread_index() % warp_size;
    for (int k = 0; k < rows_of_warp; ++k) {
      std::int64_t const r = block.thread_index() / warp_size + k * num_warps;
      if (r < rows.count) {
        std::int32_t const product = block.load(products, (i * Rows + r) * warp_size + lane);
        float const of_x = block.load(x.scales, place_of(job, rows.first + r, first_chunk + i));
        float const scale = block.load(scales, i * warp_size + lane) * of_x;
        sums[k] = multiply_add(static_cast<float>(product), scale, sums[k]);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          CodeJob const& job,
                          TileRows rows,
                          float const (&sums)[std::size_t{rows_of_warp}]) const {
    std::int64_t const o = block.block_index().x * warp_size + block.thread_index() % warp_size;
    for (int k = 0; k < rows_of_warp; ++k) {
      std::int64_t const r = block.thread_index() / warp_size + k * num_warps;
      if (r < rows.count && o < job.y.cols) {
        block.store(job.y, rows.first + r, o, sums[k]);
      }
    }
  }
};

}  // namespace talus::kernels::block
