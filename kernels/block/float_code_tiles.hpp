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
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_results.hpp"
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
  using Results = TileResults<Shape, Depth>;
  using Sums = typename Results::Sums;
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
    Results results{place, TileWarp<Shape>::of(block.thread_index()), exchanged};
    Scales scales;
    Sums part{};  // of the part that the thread's group sums
    SumStack<Sums, Depth> stack;
    while (!now.is_done()) {
      block.template wait_copies<Shape.stages - 2>();
      block.sync();  // this step has come, and nobody reads the one before any more
      stage.begin(block, job, place, ahead, places);
      auto const own = now.inputs(block, results.warp.group);
      if (own.first < own.last) {
        load_scales(block, job, now, places, results, scales);
        multiply(block, stage, results.warp, now.slot(), part);
      }
      if (now.ends_round()) {
        scale(scales, part);
        results.join(block, now, size, job.y, sums.nodes, part, stack);
      }
      now.advance(block);
      ahead.advance(block);
    }
  }

 private:
  /// Of the part: of the lane's two outputs of each fragment.
  struct Scales {
    float of[static_cast<std::size_t>(Shape.warp_outputs)][2] = {};
  };

  /// At a part's first step, whose last one is where they are wanted.
  template <class Block>
  TALUS_DEVICE void load_scales(Block& block,
                                Job const& job,
                                Cursor const& now,
                                SharedSpan<FloatCodePlace> places,
                                Results const& results,
                                Scales& scales) const {
    if (now.step > 0) {
      return;
    }
    FloatCodePlace const place = block.load(places, now.part + results.warp.group);
    TALUS_UNROLL
    for (int o = 0; o < Shape.warp_outputs; ++o) {
      scales.of[o][0] = job.scale_of(block, results.output(o, 0), place);
      scales.of[o][1] = job.scale_of(block, results.output(o, 2), place);
    }
  }

  static TALUS_DEVICE void scale(Scales const& scales, Sums& part) {
    Sums::each([&](int, int o, int r, int k) {
      part.of[o][r][k] = part.of[o][r][k] * scales.of[o][k / 2];
    });
  }

  /// Adds a step's products to the part's sums.
  template <class Block>
  TALUS_DEVICE void multiply(
      Block& block, Stage const& stage, TileWarp<Shape> const& warp, int slot, Sums& part) const {
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
};

}  // namespace talus::kernels::block
