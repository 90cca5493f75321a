// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/float_code_parts.hpp"
#include "kernels/block/float_code_stage.hpp"
#include "kernels/block/float_codes.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/tile_stage.hpp"

namespace talus::kernels::block {

/// Sums of earlier parts, the newest on top; one where all are added one after another.
template <int Depth>
struct FloatStack {
  float all[static_cast<std::size_t>(Depth)];
  int size = 0;

  /// Pushes the sum of a part and the newest `folds` sums, which it replaces.
  TALUS_DEVICE void fold(float part, int folds) {
    if constexpr (Depth == 1) {
      all[0] = folds == 0 ? part : all[0] + part;
    } else {
      for (int fold = 0; fold < folds; ++fold) {
        part = all[--size] + part;
      }
      all[size++] = part;
    }
  }

  [[nodiscard]] TALUS_DEVICE float pop() {
    if constexpr (Depth == 1) {
      return all[0];
    } else {
      return all[--size];
    }
  }
};

/// Products of up to eight rows with codes of fp8, whose time is that of reading codes: the sums of
/// FloatCodeTiles, in its order.
///
/// Grid: tiles of `Panels` panels, tiles of 8 rows, jobs (or of the rows of all experts, of which
/// surplus blocks leave, 1). Block: eight warps, which share out the parts of a round of eight;
/// then each thread adds the round's sums of one output and row, or of two. Shared memory: of each
/// warp codes and rows of the next chunks, which the lane that multiplies them copies, so that
/// lanes wait for nobody; the sums of two rounds.
template <int Panels, int Depth>
struct FloatCodeRows {
  static constexpr char const* name = "talus::kernels::float_code_rows";
  static constexpr int num_warps = 8;
  static constexpr int threads = num_warps * warp_size;
  /// Two blocks' shared memory is what a multiprocessor of 9.0 has.
  static constexpr int least_blocks = 2;
  static constexpr int slots = Panels == 1 ? 6 : 3;  ///< chunks of a warp
  static constexpr int lefts = Panels * 2;           ///< of 16 outputs each
  static_assert(2 * fragment_outputs == CodeLayout::panel_outputs);
  static constexpr int lane_sums = lefts * 4;
  static constexpr int round_sums = num_warps * lane_sums * warp_size;
  static constexpr int thread_sums = lane_sums * warp_size / threads;
  static constexpr int code_words = num_warps * slots * lefts * fragment_words;
  static constexpr int row_quads = lane_inputs / static_cast<int>(quad);
  static constexpr int row_floats = num_warps * slots * lane_inputs * warp_size;

  using Job = FloatCodeJob<float>;

  Jobs<Job> jobs;
  FloatCodeSums sums;

  [[nodiscard]] std::int64_t shared_bytes() const {
    return shared_bytes_of<std::uint32_t>(code_words) + shared_bytes_of<float>(row_floats) +
           shared_bytes_of<float>(2 * round_sums) + sums.shared_bytes();
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const tile = jobs.tile(block, block.block_index().y, fragment_rows);
    Job const& job = tile.job;
    std::int64_t const first_panel = block.block_index().x * Panels;
    if (!tile.is_there() || !job.has_panel(first_panel)) {
      return;
    }
    Work work{shared_array<std::uint32_t>(block, code_words),
              shared_array<float>(block, row_floats),
              shared_array<float>(block, 2 * round_sums),
              shared_array<TilePart>(block, sums.most_parts),
              shared_array<FloatCodePlace>(block, sums.most_parts)};
    work.first_row = tile.first_row;
    work.first_output = first_panel * CodeLayout::panel_outputs;
    work.lane = block.thread_index() % warp_size;
    work.warp = block.thread_index() / warp_size;
    work.first_word = first_panel * (job.w.layout.panel_bytes() / 4) + work.lane * lane_words;
    work.size = sums.list(block, job.w.layout, job.x.cols, work.parts, work.places);
    Ahead ahead{work.warp};
    for (int number = 0; number < slots - 1; ++number) {
      begin(block, job, work, ahead);
    }
    Whole whole;
    for (std::int32_t first = 0; first < work.size; first += num_warps) {
      if (first + work.warp < work.size) {
        multiply(block, job, work, ahead, first + work.warp);
      }
      block.sync();  // all sums of the round are there
      add(block, job, work, first, whole);
      work.turn = 1 - work.turn;
    }
  }

 private:
  /// What a thread works with.
  struct Work {
    SharedSpan<std::uint32_t> codes;  ///< [warps, slots, lefts, lanes, lane_words]
    SharedSpan<float> rows;           ///< [warps, slots, row_quads, lanes, quad]
    SharedSpan<float> exchanged;      ///< [2, warps, lane_sums, lanes]
    SharedSpan<TilePart> parts;
    SharedSpan<FloatCodePlace> places;
    std::int64_t first_row = 0;
    std::int64_t first_output = 0;
    std::int64_t first_word = 0;  ///< of the lane's codes, in the first panel
    int lane = 0;
    int warp = 0;
    std::int32_t size = 0;  ///< parts
    int slot = 0;           ///< of the chunk that is multiplied next
    int turn = 0;           ///< which of the two rounds' sums
  };

  /// The chunk that is copied next: one of the warp's parts after another.
  struct Ahead {
    std::int32_t part = 0;   ///< that comes when this one ends
    std::int32_t input = 0;  ///< of the rows
    std::int32_t last = 0;   ///< where this part ends
    int slot = 0;
    std::int64_t word = 0;  ///< of the panel
  };

  /// A thread's sums of all parts, and the node that is summed.
  struct Whole {
    FloatStack<Depth> stacks[static_cast<std::size_t>(thread_sums)];
    std::int32_t node = 0;
  };

  static constexpr auto chunk = static_cast<std::int32_t>(quant_chunk);

  [[nodiscard]] static constexpr int next_slot(int slot) {
    return slot + 1 == slots ? 0 : slot + 1;
  }

  [[nodiscard]] static TALUS_DEVICE int place_of_codes(Work const& work, int slot, int left) {
    return (((work.warp * slots + slot) * lefts + left) * warp_size + work.lane) * lane_words;
  }

  [[nodiscard]] static TALUS_DEVICE int place_of_row(Work const& work, int slot, int number) {
    return (((work.warp * slots + slot) * row_quads + number) * warp_size + work.lane) *
           static_cast<int>(quad);
  }

  /// Begins to copy a chunk's codes and rows; what isn't there is zero.
  template <class Block>
  TALUS_DEVICE void begin(Block& block, Job const& job, Work const& work, Ahead& ahead) const {
    while (ahead.input >= ahead.last && ahead.part < work.size) {
      TilePart const part = block.load(work.parts, ahead.part);
      ahead.input = part.first;
      ahead.last = part.first + part.count;
      ahead.word = std::int64_t{block.load(work.places, ahead.part).codes} * lane_words;
      ahead.part += num_warps;
    }
    if (ahead.input < ahead.last) {
      copy_codes(block, job, work, ahead);
      copy_rows(block, job, work, ahead);
      ahead.slot = next_slot(ahead.slot);
      ahead.input += chunk;
      ahead.word += chunk_words_of_panel;
    }
    block.commit_copies();
  }

  template <class Block>
  TALUS_DEVICE void copy_codes(Block& block,
                               Job const& job,
                               Work const& work,
                               Ahead const& ahead) const {
    MatrixView<std::uint32_t const> const from{
        job.w.words.data, 1, job.w.words.size, job.w.words.size};
    TALUS_UNROLL
    for (int left = 0; left < lefts; ++left) {
      bool const is_there = work.first_output + left * fragment_outputs < job.y.cols;
      std::int64_t const word = work.first_word + left / 2 * (job.w.layout.panel_bytes() / 4) +
                                left % 2 * fragment_words + ahead.word;
      block.copy_async(work.codes,
                       place_of_codes(work, ahead.slot, left),
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
                              Work const& work,
                              Ahead const& ahead) const {
    std::int64_t const t = work.first_row + work.lane / 4;
    std::int32_t const first = ahead.input + work.lane % 4 * lane_inputs;
    std::int32_t const inputs = t < job.x.rows ? ahead.last - first : 0;
    TALUS_UNROLL
    for (int number = 0; number < row_quads; ++number) {
      std::int32_t const i = first + number * static_cast<int>(quad);
      std::int32_t const left = inputs - number * static_cast<int>(quad);
      int const count = left < 0 ? 0 : left < quad ? left : static_cast<int>(quad);
      int const to = place_of_row(work, ahead.slot, number);
      if (job.is_x_aligned) {
        block.copy_async(work.rows, to, job.x, t, i, width<quad>, count);
        continue;
      }
      Quad values{};
      TALUS_UNROLL
      for (int k = 0; k < quad; ++k) {
        if (k < count) {
          values[k] = block.load(job.x, t, i + k);
        }
      }
      block.store(work.rows, to, values);
    }
  }

  /// Sums a part, and leaves the sums, times its scales, to all threads.
  template <class Block>
  TALUS_DEVICE void multiply(
      Block& block, Job const& job, Work& work, Ahead& ahead, std::int32_t number) const {
    TilePart const part = block.load(work.parts, number);
    FloatCodePlace const place = block.load(work.places, number);
    float scales[std::size_t{lefts}][2] = {};
    TALUS_UNROLL
    for (int left = 0; left < lefts && part.count > 0; ++left) {
      scales[left][0] = job.scale_of(block, output_of(work, left, work.lane, 0), place);
      scales[left][1] = job.scale_of(block, output_of(work, left, work.lane, 2), place);
    }
    SumFragment products[std::size_t{lefts}] = {};
    for (std::int32_t input = 0; input < part.count; input += chunk) {
      block.template wait_copies<slots - 2>();
      begin(block, job, work, ahead);  // where the chunk before was
      add_chunk(block, work, products);
      work.slot = next_slot(work.slot);
    }
    TALUS_UNROLL
    for (int k = 0; k < lane_sums; ++k) {
      float const sum = products[k / 4][k % 4] * scales[k / 4][k % 4 / 2];
      block.store(
          work.exchanged, place_of_sums(work.turn, work.warp) + k * warp_size + work.lane, sum);
    }
  }

  /// Adds the products of the chunk that has come.
  template <class Block>
  TALUS_DEVICE void add_chunk(Block& block,
                              Work const& work,
                              SumFragment (&products)[std::size_t{lefts}]) const {
    RightFragment rows[std::size_t{chunk_products}];
    TALUS_UNROLL
    for (int number = 0; number < chunk_products; ++number) {
      Quad const x = block.load(work.rows, place_of_row(work, work.slot, number), width<quad>);
      rows[number] = {rounded_pair(x[0], x[1]), rounded_pair(x[2], x[3])};
    }
    TALUS_UNROLL
    for (int left = 0; left < lefts; ++left) {
      auto const codes =
          block.load(work.codes, place_of_codes(work, work.slot, left), width<lane_words>);
      TALUS_UNROLL
      for (int number = 0; number < chunk_products; ++number) {
        products[left] = block.mma(left_codes(codes, number), rows[number], products[left]);
      }
    }
  }

  [[nodiscard]] static constexpr int place_of_sums(int turn, int warp) {
    return (turn * num_warps + warp) * lane_sums * warp_size;
  }

  [[nodiscard]] static TALUS_DEVICE std::int64_t output_of(Work const& work,
                                                           int left,
                                                           int lane,
                                                           int k) {
    return work.first_output + left * fragment_outputs + sum_output(lane, k);
  }

  /// Adds a round's sums, in order, to this thread's own; stores those that are whole.
  template <class Block>
  TALUS_DEVICE void add(
      Block& block, Job const& job, Work const& work, std::int32_t first, Whole& whole) const {
    for (int warp = 0; warp < num_warps && first + warp < work.size; ++warp) {
      TilePart const part = block.load(work.parts, first + warp);
      TALUS_UNROLL
      for (int i = 0; i < thread_sums; ++i) {
        int const from = place_of_sums(work.turn, warp) + block.thread_index() + i * threads;
        whole.stacks[i].fold(block.load(work.exchanged, from), part.folds);
      }
      if (part.is_last != 0) {
        auto const& nodes = sums.nodes;
        store(block, nodes.size > 0 ? block.load(nodes, whole.node) : job.y, work, whole);
        ++whole.node;
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          MatrixView<float> const& y,
                          Work const& work,
                          Whole& whole) const {
    TALUS_UNROLL
    for (int i = 0; i < thread_sums; ++i) {
      int const k = work.warp + i * num_warps;
      std::int64_t const output = output_of(work, k / 4, work.lane, k % 4);
      std::int64_t const t = work.first_row + sum_row(work.lane, k % 4);
      float const sum = whole.stacks[i].pop();
      if (output < y.cols && t < y.rows) {
        block.store(y, t, output, sum);
      }
    }
  }
};

}  // namespace talus::kernels::block
