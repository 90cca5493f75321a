// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_results.hpp"
#include "kernels/block/tile_stage.hpp"

namespace talus::kernels::block {

/// Several products of bfloat16 by tensor cores.
///
/// Weights are the left matrix of each instruction and rows of the input the right one, so that one
/// row and a thousand take the same instructions: a tile of few rows has columns of zeros.
///
/// Grid: tiles, 1, jobs (or of all experts, of which surplus blocks leave). Block and shared
/// memory: as Shape says. The next steps are on their way while one is multiplied.
///
/// Order: parts of up to 512 inputs, each by instructions of 16 inputs in order, from zero on; then
/// the sums of the parts, one after another, or, of leaves, as the tree wants it, by a stack of
/// Depth sums. Which block, warp and group sums a part changes nothing. The order
/// within an instruction is the card's, and nobody specifies it: the same on cards of one kind, and
/// not that of the emulation.
template <TileShape Shape, class Input, int Depth>
struct TileMatmul {
  static constexpr char const* name = "talus::kernels::tile_matmul";
  static_assert(Shape.shared_bytes() + most_parts_bytes <= 163 << 10,
                "more than a block has on 8.0");

  using Stage = TileStage<Shape, Input>;
  using Cursor = TileCursor<Shape>;
  static constexpr auto num_left = static_cast<std::size_t>(Shape.warp_outputs);
  static constexpr auto num_right = static_cast<std::size_t>(Shape.warp_rows);

  Jobs<TileJob<Input>> jobs;
  TileGrid grid;
  std::int64_t num_parts = 0;
  GlobalSpan<TilePart const> parts;  ///< empty: those of a plain sum
  /// What sums over leaves are stored to, one after another; empty: the job's y.
  GlobalSpan<MatrixView<float> const> nodes;

  using Results = TileResults<Shape, Depth>;
  using Sums = typename Results::Sums;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const number = grid.tile(block.block_index().x);
    auto const tile = jobs.tile(block, number.row, Shape.rows());
    auto const& job = tile.job;
    TilePlace const place{tile.first_row, number.output * Shape.outputs()};
    if (!tile.is_there() || place.first_output >= job.y.cols) {
      return;
    }
    Stage const stage = Stage::make(block, job);
    auto const exchanged = shared_array<float>(block, Shape.exchanged_sums());
    auto const list = shared_array<TilePart>(block, num_parts);
    list_parts(block, job.x.cols, list);
    Cursor ahead = Cursor::at_begin(block, list);
    Cursor now = ahead;
    for (int step = 0; step < Shape.stages - 1; ++step) {
      stage.begin(block, job, place, ahead);
      stage.put(block, ahead.slot(), stage.take(block, job, place, ahead));
      ahead.advance(block);
    }
    Results results{place, TileWarp<Shape>::of(block.thread_index()), exchanged};
    Sums part{};  // of the part that the thread's group sums
    SumStack<Sums, Depth> stack;
    while (!now.is_done()) {
      block.template wait_copies<Shape.stages - 2>();
      block.sync();  // this step has come, and nobody reads the one before any more
      stage.begin(block, job, place, ahead);
      auto const taken = stage.take(block, job, place, ahead);
      auto const own = now.inputs(block, results.warp.group);
      if (own.first < own.last) {
        multiply(block, stage, results.warp, now.slot(), part);
      }
      stage.put(block, ahead.slot(), taken);
      if (now.ends_round()) {
        results.join(block, now, num_parts, job.y, nodes, part, stack);
      }
      now.advance(block);
      ahead.advance(block);
    }
  }

 private:
  template <class Block>
  TALUS_DEVICE void list_parts(Block& block, std::int64_t inputs, SharedSpan<TilePart> list) const {
    for (int i = block.thread_index(); i < num_parts; i += Shape.threads()) {
      block.store(list, i, parts.size > 0 ? block.load(parts, i) : part_of_sum(i, inputs));
    }
    block.sync();
  }

  /// Adds a step's products to the part's sums.
  template <class Block>
  TALUS_DEVICE void multiply(
      Block& block, Stage const& stage, TileWarp<Shape> const& warp, int slot, Sums& part) const {
    int const own = slot * Shape.groups + warp.group;
    int const left = (own * Shape.outputs() + warp.first_output()) * staged_stride +
                     left_piece_row(warp.lane, staged_stride);
    int const right = (own * Shape.rows() + warp.first_row()) * staged_stride +
                      right_piece_row(warp.lane % (Shape.warp_rows == 1 ? 16 : 32), staged_stride);
    TALUS_UNROLL
    for (int i = 0; i < step_inputs; i += fragment_inputs) {
      RightFragment inputs[num_right];
      load_right(block, stage, right + i, inputs);
      TALUS_UNROLL
      for (int o = 0; o < Shape.warp_outputs; ++o) {
        int const first = left + o * fragment_outputs * staged_stride + i;
        LeftFragment const weights = block.load_pieces(stage.weights, first, width<4>);
        TALUS_UNROLL
        for (int r = 0; r < Shape.warp_rows; ++r) {
          part.of[o][r] = block.mma(weights, inputs[r], part.of[o][r]);
        }
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void load_right(Block& block,
                               Stage const& stage,
                               int first,
                               RightFragment (&inputs)[num_right]) const {
    static_assert(Shape.warp_rows == 1 || Shape.warp_rows % 2 == 0);
    if constexpr (Shape.warp_rows == 1) {
      inputs[0] = block.load_pieces(stage.inputs, first, width<2>);
    } else {
      TALUS_UNROLL
      for (int r = 0; r < Shape.warp_rows; r += 2) {
        int const place = first + r * fragment_rows * staged_stride;
        auto const both = block.load_pieces(stage.inputs, place, width<4>);
        inputs[r] = {both[0], both[1]};
        inputs[r + 1] = {both[2], both[3]};
      }
    }
  }
};

}  // namespace talus::kernels::block
