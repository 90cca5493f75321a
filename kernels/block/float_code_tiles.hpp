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
#include "kernels/block/tile_matmul.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_stage.hpp"

namespace talus::kernels::block {

/// Several products with codes of fp8 by tensor cores: codes are widened to bfloat16, exactly, in a
/// warp's registers.
///
/// Grid: tiles, 1, jobs (or of all experts, of which surplus blocks leave). Block and shared
/// memory: as Shape says. The next steps are on their way while one is multiplied.
///
/// Order: parts as FloatCodeParts says, each by instructions of 16 inputs in order, from zero on;
/// a part's sum times the part's scale; then these, one after another, or, of leaves, as the tree
/// wants it, by a stack of Depth sums. FloatCodeRows has the same order.
template <TileShape Shape, int Depth>
struct FloatCodeTiles {
  static constexpr char const* name = "talus::kernels::float_code_tiles";

  using Stage = FloatCodeStage<Shape>;
  using Job = typename Stage::Job;
  using Cursor = TileCursor<Shape>;
  using Sums = TileSum<Shape.warp_outputs, Shape.warp_rows>;
  static_assert(Stage::shared_bytes() + shared_bytes_of<float>(Shape.exchanged_sums()) +
                        2 * most_parts_bytes <=
                    163 << 10,
                "more than a block has on 8.0");

  Jobs<Job> jobs;
  TileGrid grid;
  FloatCodeSums sums;

  [[nodiscard]] std::int64_t shared_bytes() const {
    return Stage::shared_bytes() + shared_bytes_of<float>(Shape.exchanged_sums()) +
           sums.shared_bytes();
  }

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const number = grid.tile(block.block_index().x);
    auto const tile = jobs.tile(block, number.row, Shape.rows());
    Job const& job = tile.job;
    TilePlace const place{tile.first_row, number.output * Shape.outputs()};
    if (!tile.is_there() || place.first_output >= job.y.cols) {
      return;
    }
    Stage const stage = Stage::make(block);
    auto const exchanged = shared_array<float>(block, Shape.exchanged_sums());
    auto const parts = shared_array<TilePart>(block, sums.most_parts);
    auto const places = shared_array<FloatCodePlace>(block, sums.most_parts);
    std::int32_t const size = sums.list(block, job.w.layout, job.x.cols, parts, places);
    Cursor ahead = Cursor::at_begin(block, part_of(parts, 0, size));
    Cursor now = ahead;
    for (int step = 0; step < Shape.stages - 1; ++step) {
      stage.begin(block, job, place, ahead, places);
      ahead.advance(block);
    }
    Work work{place, warp_of(block.thread_index()), exchanged};
    Sums part{};  // of the part that the thread's group sums
    SumStack<Sums, Depth> stack;
    while (!now.is_done()) {
      block.template wait_copies<Shape.stages - 2>();
      block.sync();  // this step has come, and nobody reads the one before any more
      stage.begin(block, job, place, ahead, places);
      auto const own = now.inputs(block, work.warp.group);
      if (own.first < own.last) {
        load_scales(block, job, now, places, work);
        multiply(block, stage, work.warp, now.slot(), part);
      }
      if (now.ends_round()) {
        scale(work, part);
        join(block, job, now, work, part, stack);
      }
      now.advance(block);
      ahead.advance(block);
    }
  }

 private:
  /// A warp's place in its block.
  struct Warp {
    int lane = 0;
    int output = 0;  ///< among those side by side
    int row = 0;
    int group = 0;
  };

  /// What a thread has beside its sums.
  struct Work {
    TilePlace place;
    Warp warp;
    SharedSpan<float> exchanged;
    std::int32_t node = 0;  ///< that is summed
    /// Of the part: of the lane's two outputs of each fragment.
    float scales[static_cast<std::size_t>(Shape.warp_outputs)][2] = {};

    [[nodiscard]] TALUS_DEVICE std::int64_t output(int fragment, int k) const {
      return place.first_output + (warp.output * Shape.warp_outputs + fragment) * fragment_outputs +
             sum_output(warp.lane, k);
    }

    [[nodiscard]] TALUS_DEVICE std::int64_t row(int fragment, int k) const {
      return place.first_row + (warp.row * Shape.warp_rows + fragment) * fragment_rows +
             sum_row(warp.lane, k);
    }
  };

  [[nodiscard]] static TALUS_DEVICE Warp warp_of(int thread) {
    int const number = thread / warp_size;
    return {thread % warp_size,
            number % Shape.output_warps,
            number / Shape.output_warps % Shape.row_warps,
            number / Shape.group_warps()};
  }

  /// At a part's first step, whose last one is where they are wanted.
  template <class Block>
  TALUS_DEVICE void load_scales(Block& block,
                                Job const& job,
                                Cursor const& now,
                                SharedSpan<FloatCodePlace> places,
                                Work& work) const {
    if (now.step > 0) {
      return;
    }
    FloatCodePlace const place = block.load(places, now.part + work.warp.group);
    TALUS_UNROLL
    for (int o = 0; o < Shape.warp_outputs; ++o) {
      work.scales[o][0] = job.scale_of(block, work.output(o, 0), place);
      work.scales[o][1] = job.scale_of(block, work.output(o, 2), place);
    }
  }

  static TALUS_DEVICE void scale(Work const& work, Sums& part) {
    Sums::each([&](int, int o, int r, int k) {
      part.of[o][r][k] = part.of[o][r][k] * work.scales[o][k / 2];
    });
  }

  /// Adds a step's products to the part's sums.
  template <class Block>
  TALUS_DEVICE void multiply(
      Block& block, Stage const& stage, Warp const& warp, int slot, Sums& part) const {
    constexpr auto num_right = static_cast<std::size_t>(Shape.warp_rows);
    TALUS_UNROLL
    for (int chunk = 0; chunk < Stage::chunks; ++chunk) {
      typename Stage::Words rows[num_right];
      TALUS_UNROLL
      for (int r = 0; r < Shape.warp_rows; ++r) {
        int const row = (warp.row * Shape.warp_rows + r) * fragment_rows;
        rows[r] = stage.right(block, slot, warp.group, row, chunk);
      }
      TALUS_UNROLL
      for (int o = 0; o < Shape.warp_outputs; ++o) {
        auto const codes =
            stage.left(block, slot, warp.group, warp.output * Shape.warp_outputs + o, chunk);
        TALUS_UNROLL
        for (int product = 0; product < chunk_products; ++product) {
          LeftFragment const weights = left_codes(codes, product);
          TALUS_UNROLL
          for (int r = 0; r < Shape.warp_rows; ++r) {
            RightFragment const inputs{{rows[r][product * 2], rows[r][product * 2 + 1]}};
            part.of[o][r] = block.mma(weights, inputs, part.of[o][r]);
          }
        }
      }
    }
  }

  /// The first group takes the sums of the round's parts, in order; new ones begin.
  template <class Block>
  TALUS_DEVICE void join(Block& block,
                         Job const& job,
                         Cursor const& now,
                         Work& work,
                         Sums& part,
                         SumStack<Sums, Depth>& stack) const {
    if constexpr (Shape.groups > 1) {
      if (work.warp.group > 0) {
        Sums::each([&](int number, int o, int r, int k) {
          int const to = place_of(work.warp, work.warp.group, number);
          block.store(work.exchanged, to, part.of[o][r][k]);
        });
      }
      block.sync();
    }
    if (work.warp.group == 0) {
      for (int group = 0; group < Shape.groups && now.part + group < now.parts.size; ++group) {
        if (group > 0) {
          Sums::each([&](int number, int o, int r, int k) {
            part.of[o][r][k] = block.load(work.exchanged, place_of(work.warp, group, number));
          });
        }
        TilePart const own = block.load(now.parts, now.part + group);
        stack.fold(part, own.folds);
        if (own.is_last != 0) {
          auto const& nodes = sums.nodes;
          store(block, nodes.size > 0 ? block.load(nodes, work.node) : job.y, work, stack.pop());
          ++work.node;
        }
      }
    }
    part = {};
  }

  /// Where a lane's sum of another group is.
  [[nodiscard]] static TALUS_DEVICE int place_of(Warp const& warp, int group, int number) {
    constexpr int warp_sums = Shape.warp_outputs * Shape.warp_rows * 4;
    int const own = warp.row * Shape.output_warps + warp.output;
    return (((group - 1) * Shape.group_warps() + own) * warp_sums + number) * warp_size + warp.lane;
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          MatrixView<float> const& y,
                          Work const& work,
                          Sums const& whole) const {
    Sums::each([&](int, int o, int r, int k) {
      std::int64_t const output = work.output(o, k);
      std::int64_t const t = work.row(r, k);
      if (output < y.cols && t < y.rows) {
        block.store(y, t, output, whole.of[o][r][k]);
      }
    });
  }
};

}  // namespace talus::kernels::block
