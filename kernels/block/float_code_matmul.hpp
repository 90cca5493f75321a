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
#include "kernels/block/quads.hpp"
#include "kernels/detail/float8.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// y[t, o] = the sum over inputs [first, last) of x[t] and w[o]; x has all inputs of w.
struct FloatCodeJob {
  QuadMatrix<float const> x;
  CodeMatrix w;
  std::int32_t first = 0;  ///< a multiple of quant_chunk
  std::int32_t last = 0;
  MatrixView<float> y;

  TALUS_DEVICE void end_rows(std::int64_t row) { x.view.rows = y.rows = row; }

  TALUS_DEVICE void take_weights(std::byte const* weights) { w.take(weights); }
};

/// Products with codes of fp8 and rows of x as they are: a weight is its code's value times its
/// scale, rounded once, and y += x * weight, fused, input after input, as on CPUs
/// (kernels/lanes/float_codes.hpp).
///
/// Grid: panels of 32 outputs, tiles of rows, jobs (or of the rows of all experts, of which surplus
/// blocks leave, 1). Block: eight warps, a lane an output. Of each
/// round of eight chunks, a warp each widens one, its codes read once for all rows of the tile;
/// then the warps share out the rows, and each goes through the inputs in order. Shared memory: a
/// round's weights, and x of the tile's rows.
template <int Rows>
struct FloatCodeMatmul {
  static constexpr char const* name = "talus::kernels::float_code_matmul";
  static constexpr int num_warps = 8;
  static constexpr int threads = num_warps * warp_size;
  static constexpr int round = num_warps * static_cast<int>(quant_chunk);
  /// That a multiprocessor is to have registers for: few rows wait for codes, not for products.
  static constexpr int least_blocks = Rows <= num_warps ? 4 : 1;
  static constexpr int rows_of_warp = (Rows + num_warps - 1) / num_warps;

  Jobs<FloatCodeJob> jobs;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<float>(round * warp_size) + shared_bytes_of<float>(round * Rows);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, Rows);
    FloatCodeJob const& job = tile.job;
    std::int64_t const first_row = tile.first_row;
    if (!tile.is_there() || block.block_index().x * warp_size >= job.y.cols) {
      return;
    }
    auto const weights = shared_array<float>(block, round * warp_size);
    auto const x = shared_array<float>(block, round * Rows);
    float sums[std::size_t{rows_of_warp}] = {};
    for (std::int32_t input = job.first; input < job.last; input += round) {
      widen(block, job, input, weights);
      load_rows(block, job, first_row, input, x);
      block.sync();
      std::int32_t const inputs = job.last - input < round ? job.last - input : round;
      add(block, inputs, weights, x, sums);
      block.sync();
    }
    store(block, job, first_row, sums);
  }

 private:
  /// The weights of this warp's chunk of the round.
  template <class Block>
  TALUS_DEVICE void widen(Block& block,
                          FloatCodeJob const& job,
                          std::int32_t first_input,
                          SharedSpan<float> weights) const {
    int const lane = block.thread_index() % warp_size;
    int const first = block.thread_index() / warp_size * static_cast<int>(quant_chunk);
    if (first_input + first >= job.last) {
      return;
    }
    std::int32_t const chunk = (first_input + first) / static_cast<std::int32_t>(quant_chunk);
    std::int64_t const panel = block.block_index().x;
    ChunkCodes<QuantKind::fp8_e4m3> codes;
    codes.load(block, job.w.words, job.w.word_of(panel, chunk), lane);
    float const scale = job.w.scale_of(block, panel, chunk, lane).scale;
    for (int i = 0; i < static_cast<int>(quant_chunk); ++i) {
      auto const code = static_cast<std::uint8_t>(byte_of(codes.word(i / 4), i % 4));
      block.store(weights, (first + i) * warp_size + lane, detail::value_of_e4m3(code) * scale);
    }
  }

  /// Rows beyond the matrix are zero, as are inputs beyond it.
  template <class Block>
  TALUS_DEVICE void load_rows(Block& block,
                              FloatCodeJob const& job,
                              std::int64_t first_row,
                              std::int32_t first_input,
                              SharedSpan<float> x) const {
    constexpr int row_quads = round / static_cast<int>(quad);
    for (int i = block.thread_index(); i < Rows * row_quads; i += threads) {
      std::int64_t const t = first_row + i / row_quads;
      std::int64_t const j = first_input + i % row_quads * quad;
      Quad values{};
      if (t < job.x.view.rows && j < job.x.view.cols) {
        values = load_quad(block, job.x, t, j);
      }
      block.store(x, i * quad, values);
    }
  }

  template <class Block>
  TALUS_DEVICE void add(Block& block,
                        std::int32_t inputs,
                        SharedSpan<float> weights,
                        SharedSpan<float> x,
                        float (&sums)[std::size_t{rows_of_warp}]) const {
    int const lane = block.thread_index() % warp_size;
    int const warp = block.thread_index() / warp_size;
    for (std::int32_t i = 0; warp < Rows && i < inputs; ++i) {
      float const weight = block.load(weights, i * warp_size + lane);
      for (int k = 0; k < rows_of_warp; ++k) {
        float const value = block.load(x, (warp + k * num_warps) * round + i);
        sums[k] = multiply_add(value, weight, sums[k]);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          FloatCodeJob const& job,
                          std::int64_t first_row,
                          float const (&sums)[std::size_t{rows_of_warp}]) const {
    std::int64_t const o = block.block_index().x * warp_size + block.thread_index() % warp_size;
    for (int k = 0; k < rows_of_warp; ++k) {
      int const r = block.thread_index() / warp_size + k * num_warps;
      if (r < Rows && first_row + r < job.y.rows && o < job.y.cols) {
        block.store(job.y, first_row + r, o, sums[k]);
      }
    }
  }
};

}  // namespace talus::kernels::block
