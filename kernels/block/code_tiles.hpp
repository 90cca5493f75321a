// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matmul.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/code_words.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/quantize_rows.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// The codes of a chunk of a panel's 32 outputs, as fragments of 16 outputs each.
template <QuantKind Kind>
struct PanelFragments {
  static constexpr int num_outputs = CodeLayout::panel_outputs / 8;  ///< of a lane
  static constexpr int num_halves = 2;

  std::uint32_t words[std::size_t{num_outputs}][std::size_t{num_halves}];

  /// Reads them as they are stored. Lane l has, of outputs l / 4 + 8 j, the codes of inputs
  /// 4 (l % 4) to + 3 of each half of the chunk: of codes of a byte neighbouring lanes read
  /// neighbouring words.
  ///
  /// \param word  of the chunk's first code
  template <class Block>
  TALUS_DEVICE void load(Block& block, GlobalSpan<std::uint32_t const> codes, std::int64_t word) {
    int const lane = block.thread_index() % warp_size;
    TALUS_UNROLL
    for (int j = 0; j < num_outputs; ++j) {
      TALUS_UNROLL
      for (int half = 0; half < num_halves; ++half) {
        words[j][half] = block.load(codes, word + place_of(lane, j, half));
      }
    }
  }

  /// The left fragment of outputs 16 number to + 15.
  [[nodiscard]] TALUS_DEVICE LeftFragment fragment(int lane, int number) const {
    LeftFragment left;
    TALUS_UNROLL
    for (int k = 0; k < 4; ++k) {
      std::uint32_t codes = words[number * 2 + k % 2][k / 2];
      if constexpr (!has_byte_codes(Kind)) {
        codes = codes >> static_cast<unsigned>(lane % 2 * 4) & 0x0F0F0F0FU;
      }
      left[k] = IntegerCodes<Kind>::values(codes);
    }
    return left;
  }

 private:
  [[nodiscard]] static constexpr int place_of(int lane, int j, int half) {
    int const output = lane / 4 + j * 8;
    if (has_byte_codes(Kind)) {
      return (half * CodeLayout::panel_outputs + output) * code_quad + lane % 4;
    }
    return output * code_quad + half * 2 + lane % 4 / 2;
  }
};

/// Products with integer codes and quantised rows of x by tensor cores: the sums of CodeMatmul, bit
/// by bit, since those of a chunk are exact and chunks are added in the same order.
///
/// Grid: tiles of 64 outputs, tiles of 64 rows, jobs (or of the rows of all experts, of which
/// surplus blocks leave, 1). Block: four warps, each a panel of 32 outputs and 32 rows. Shared
/// memory: x of four chunks, twice, of which one is on its way while the other is multiplied;
/// codes go to registers, where the next chunk's are on their way.
template <QuantKind Kind>
struct CodeTiles {
  static constexpr char const* name = "talus::kernels::code_tiles";
  static constexpr int panels = 2;
  static constexpr int row_warps = 2;
  static constexpr int warp_rows = 32;
  static constexpr int tile_rows = warp_rows * row_warps;
  static constexpr int tile_outputs = panels * CodeLayout::panel_outputs;
  static constexpr int threads = panels * row_warps * warp_size;
  static constexpr int step = 4;   ///< chunks that are staged at a time
  static constexpr int slots = 2;  ///< of steps in shared memory
  static constexpr int lefts = CodeLayout::panel_outputs / fragment_outputs;
  static constexpr int rights = warp_rows / fragment_rows;
  static constexpr int num_outputs = PanelFragments<Kind>::num_outputs;
  static constexpr int chunk_words = QuantizedRows::chunk_words;
  /// From one row to the next: so that what a warp reads at once is of 32 banks.
  static constexpr int row_words = step * chunk_words + 4;
  static constexpr int places = tile_rows * step;  ///< of scales in a slot

  Jobs<CodeJob> jobs;
  QuantizedRows x;

  [[nodiscard]] static constexpr std::int64_t shared_bytes() {
    return shared_bytes_of<std::uint32_t>(slots * tile_rows * row_words) +
           shared_bytes_of<float>(slots * places) + shared_bytes_of<std::int32_t>(slots * places);
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, tile_rows);
    CodeJob const& job = tile.job;
    if (!tile.is_there() || block.block_index().x * tile_outputs >= job.y.cols) {
      return;
    }
    Stage const stage{shared_array<std::uint32_t>(block, slots * tile_rows * row_words),
                      shared_array<float>(block, slots * places),
                      shared_array<std::int32_t>(block, slots * places)};
    Work work{tile.first_row, block.block_index().x * panels, block.thread_index() / warp_size};
    begin(block, job, work, job.first_chunk, 0, stage);
    put(block, stage, 0, take(block, job, work, job.first_chunk));
    if (work.has_panel(job) && job.first_chunk < job.last_chunk) {
      work.codes.load(block, job.w.words, job.w.word_of(work.panel(), job.first_chunk));
    }
    int slot = 0;
    for (std::int32_t chunk = job.first_chunk; chunk < job.last_chunk; chunk += step) {
      block.template wait_copies<0>();
      block.sync();  // this step has come, and nobody reads the one before any more
      begin(block, job, work, chunk + step, 1 - slot, stage);
      Taken const taken = take(block, job, work, chunk + step);
      for (int i = 0; i < step && chunk + i < job.last_chunk && work.has_panel(job); ++i) {
        multiply(block, job, chunk + i, slot * step + i, stage, work);
      }
      put(block, stage, 1 - slot, taken);
      slot = 1 - slot;
    }
    store(block, job, work);
  }

 private:
  /// What is staged of x: [slots, rows, chunks], and of scales and sums [slots, chunks, rows].
  struct Stage {
    SharedSpan<std::uint32_t> words;
    SharedSpan<float> scales;
    SharedSpan<std::int32_t> sums;
  };

  /// Scales and sums of chunks on their way to the stage.
  struct Taken {
    float scales[2];
    std::int32_t sums[2];
  };

  /// What a warp does.
  struct Work {
    std::int64_t first_row = 0;    ///< of the tile
    std::int64_t first_panel = 0;  ///< likewise
    int warp = 0;
    std::int32_t group = -1;  ///< whose scales these are
    float scales[std::size_t{num_outputs}] = {};
    std::int32_t zeros[std::size_t{num_outputs}] = {};
    PanelFragments<Kind> codes = {};  ///< of the next chunk
    float sums[std::size_t{lefts}][std::size_t{rights}][4] = {};

    [[nodiscard]] TALUS_DEVICE std::int64_t panel() const { return first_panel + warp % panels; }

    /// The warp's first row in the tile.
    [[nodiscard]] TALUS_DEVICE int own_row() const { return warp / panels * warp_rows; }

    [[nodiscard]] TALUS_DEVICE bool has_panel(CodeJob const& job) const {
      return panel() * CodeLayout::panel_outputs < job.y.cols;
    }
  };

  /// What all lanes have of fragment_rows rows of x in a chunk.
  struct Rows {
    RightFragment integers;
    Vector<float, 2> scales;  ///< of the lane's two rows
    Vector<std::int32_t, 2> totals;
  };

  static constexpr int thread_places = places / threads;
  static_assert(thread_places == 2);

  /// Begins to copy x of the chunks from `chunk` on.
  template <class Block>
  TALUS_DEVICE void begin(Block& block,
                          CodeJob const& job,
                          Work const& work,
                          std::int32_t chunk,
                          int slot,
                          Stage const& stage) const {
    constexpr int row_quads = step * chunk_words / code_quad;
    std::int64_t const rows = x.chunks == 0 ? 0 : x.words.size / (x.chunks * chunk_words);
    MatrixView<std::uint32_t const> const words{
        x.words.data, rows, x.chunks * chunk_words, x.chunks * chunk_words};
    for (int i = block.thread_index(); i < tile_rows * row_quads; i += threads) {
      int const row = i / row_quads;
      int const word = i % row_quads * code_quad;
      bool const is_there =
          work.first_row + row < job.y.rows && chunk + word / chunk_words < job.last_chunk;
      block.copy_async(stage.words,
                       (slot * tile_rows + row) * row_words + word,
                       words,
                       job.first_row + work.first_row + row,
                       std::int64_t{chunk} * chunk_words + word,
                       width<code_quad>,
                       is_there ? code_quad : 0);
    }
    block.commit_copies();
  }

  /// Reads their scales and sums; what isn't there is zero.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Taken
  take(Block& block, CodeJob const& job, Work const& work, std::int32_t chunk) const {
    Taken taken{};
    TALUS_UNROLL
    for (int k = 0; k < thread_places; ++k) {
      int const i = block.thread_index() + k * threads;
      std::int64_t const row = work.first_row + i / step;
      if (row < job.y.rows && chunk + i % step < job.last_chunk) {
        std::int64_t const place = (job.first_row + row) * x.chunks + chunk + i % step;
        taken.scales[k] = block.load(x.scales, place);
        taken.sums[k] = block.load(x.sums, place);
      }
    }
    return taken;
  }

  template <class Block>
  TALUS_DEVICE void put(Block& block, Stage const& stage, int slot, Taken const& taken) const {
    TALUS_UNROLL
    for (int k = 0; k < thread_places; ++k) {
      int const i = block.thread_index() + k * threads;
      int const to = (slot * step + i % step) * tile_rows + i / step;
      block.store(stage.scales, to, taken.scales[k]);
      block.store(stage.sums, to, taken.sums[k]);
    }
  }

  /// Adds a chunk, and begins to read the codes of the next one.
  ///
  /// \param staged  the chunk's number among those in shared memory
  template <class Block>
  TALUS_DEVICE void multiply(Block& block,
                             CodeJob const& job,
                             std::int32_t chunk,
                             int staged,
                             Stage const& stage,
                             Work& work) const {
    int const lane = block.thread_index() % warp_size;
    LeftFragment codes[std::size_t{lefts}];
    TALUS_UNROLL
    for (int o = 0; o < lefts; ++o) {
      codes[o] = work.codes.fragment(lane, o);
    }
    if (chunk + 1 < job.last_chunk) {
      work.codes.load(block, job.w.words, job.w.word_of(work.panel(), chunk + 1));
    }
    load_scales(block, job, chunk, work);
    int const slot_row = staged / step * tile_rows + work.own_row();
    TALUS_UNROLL
    for (int r = 0; r < rights; ++r) {
      int const words = (slot_row + r * fragment_rows + lane / 4) * row_words +
                        staged % step * chunk_words + lane % 4;
      int const place = staged * tile_rows + work.own_row() + r * fragment_rows + sum_row(lane, 0);
      Rows const rows{{block.load(stage.words, words), block.load(stage.words, words + code_quad)},
                      block.load(stage.scales, place, width<2>),
                      block.load(stage.sums, place, width<2>)};
      TALUS_UNROLL
      for (int o = 0; o < lefts; ++o) {
        add(block, codes[o], rows, o, r, work);
      }
    }
  }

  /// Of the chunk's group, where it isn't the one before's.
  template <class Block>
  TALUS_DEVICE void load_scales(Block& block,
                                CodeJob const& job,
                                std::int32_t chunk,
                                Work& work) const {
    std::int32_t const group = job.w.layout.group_of(chunk);
    if (group == work.group) {
      return;
    }
    using Codes = IntegerCodes<Kind>;
    work.group = group;
    TALUS_UNROLL
    for (int j = 0; j < PanelFragments<Kind>::num_outputs; ++j) {
      int const output = block.thread_index() % warp_size / 4 + j * 8;
      GroupScale const scale = job.w.scale_of(block, work.panel(), chunk, output);
      work.scales[j] = scale.scale;
      work.zeros[j] = job.w.has_zeros ? Codes::zero_of(scale.zero) : Codes::zero;
    }
  }

  /// Sums come from the tensor cores as the last bits of floats from 2^23 to 2^24, which saves
  /// their conversion: they are less than 2^22 apart from zero, and so exact.
  template <class Block>
  TALUS_DEVICE void add(
      Block& block, LeftFragment const& codes, Rows const& rows, int o, int r, Work& work) const {
    constexpr float base = 12582912.0F;  // 1.5 * 2^23
    IntegerFragment products;
    TALUS_UNROLL
    for (int k = 0; k < 4; ++k) {
      products[k] =
          std::bit_cast<std::int32_t>(base) - work.zeros[o * 2 + k / 2] * rows.totals[k % 2];
    }
    products = block.mma(codes, rows.integers, products);
    TALUS_UNROLL
    for (int k = 0; k < 4; ++k) {
      float const product = std::bit_cast<float>(products[k]) - base;
      float const scale = work.scales[o * 2 + k / 2] * rows.scales[k % 2];
      work.sums[o][r][k] = multiply_add(product, scale, work.sums[o][r][k]);
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block, CodeJob const& job, Work const& work) const {
    int const lane = block.thread_index() % warp_size;
    TALUS_UNROLL
    for (int o = 0; o < lefts; ++o) {
      TALUS_UNROLL
      for (int r = 0; r < rights; ++r) {
        TALUS_UNROLL
        for (int k = 0; k < 4; ++k) {
          std::int64_t const output =
              work.panel() * CodeLayout::panel_outputs + o * fragment_outputs + sum_output(lane, k);
          std::int64_t const t =
              work.first_row + work.own_row() + r * fragment_rows + sum_row(lane, k);
          if (output < job.y.cols && t < job.y.rows) {
            block.store(job.y, t, output, work.sums[o][r][k]);
          }
        }
      }
    }
  }
};

}  // namespace talus::kernels::block
