// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_stage.hpp"

namespace talus::kernels::block {

/// Several products of bfloat16 by tensor cores.
///
/// Weights are the left matrix of each instruction and rows of the input the right one, so that one
/// row and a thousand take the same instructions: a tile of few rows has columns of zeros.
///
/// Grid: tiles, 1, jobs. Block and shared memory: as Shape says. The next steps are on their way
/// while one is multiplied.
///
/// Order: parts of 512 inputs, each by instructions of 16 inputs in order, from zero on; then the
/// sums of the parts, in order. Which block, warp and group sums a part changes nothing. The order
/// within an instruction is the card's, and nobody specifies it: the same on cards of one kind, and
/// not that of the emulation.
template <TileShape Shape, class Input>
struct TileMatmul {
  static constexpr char const* name = "talus::kernels::tile_matmul";
  static_assert(Shape.shared_bytes() <= 163 << 10, "more than a block has on 8.0");

  using Stage = TileStage<Shape, Input>;
  static constexpr auto num_left = static_cast<std::size_t>(Shape.warp_outputs);
  static constexpr auto num_right = static_cast<std::size_t>(Shape.warp_rows);

  GlobalSpan<TileJob<Input> const> jobs;
  TileGrid grid;

  /// A warp's sums.
  struct Sums {
    SumFragment of[num_left][num_right];
  };

  /// A warp's place in its block.
  struct Warp {
    int lane = 0;
    int output = 0;  ///< among those side by side
    int row = 0;
    int group = 0;

    [[nodiscard]] TALUS_DEVICE int first_output() const {
      return output * Shape.warp_outputs * fragment_outputs;
    }

    [[nodiscard]] TALUS_DEVICE int first_row() const {
      return row * Shape.warp_rows * fragment_rows;
    }
  };

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const job = block.load(jobs, block.block_index().z);
    auto const tile = grid.tile(block.block_index().x);
    TileWalk const walk{tile.row * Shape.rows(), tile.output * Shape.outputs(), job.x.cols};
    if (walk.first_row >= job.y.rows || walk.first_output >= job.y.cols) {
      return;
    }
    Stage const stage = Stage::make(block, job);
    auto const exchanged = shared_array<float>(block, Shape.exchanged_sums());
    Warp const warp = warp_of(block.thread_index());
    Sums sums{};
    Sums part{};
    std::int64_t const steps = walk.num_steps(Shape.groups);
    for (int step = 0; step < Shape.stages - 1; ++step) {
      stage.begin(block, job, walk, step);
      stage.put(block, step, stage.take(block, job, walk, step));
    }
    for (std::int64_t step = 0; step < steps; ++step) {
      std::int64_t const next = step + Shape.stages - 1;
      block.template wait_copies<Shape.stages - 2>();
      block.sync();  // this step has come, and nobody reads the one before any more
      stage.begin(block, job, walk, next);
      auto const taken = stage.take(block, job, walk, next);
      if (walk.first_input(step, warp.group, Shape.groups) < walk.inputs) {
        multiply(block, stage, warp, step, part);
      }
      stage.put(block, next, taken);
      if ((step + 1) % TileWalk::part_steps == 0 || step + 1 == steps) {
        join(block, walk, warp, step, exchanged, part, sums);
      }
    }
    if (warp.group == 0) {
      store(block, job, walk, warp, sums);
    }
  }

 private:
  [[nodiscard]] static TALUS_DEVICE Warp warp_of(int thread) {
    int const number = thread / warp_size;
    return {thread % warp_size,
            number % Shape.output_warps,
            number / Shape.output_warps % Shape.row_warps,
            number / Shape.group_warps()};
  }

  /// Adds a step's products to the part's sums.
  template <class Block>
  TALUS_DEVICE void multiply(
      Block& block, Stage const& stage, Warp const& warp, std::int64_t step, Sums& part) const {
    int const slot = static_cast<int>(step % Shape.stages) * Shape.groups + warp.group;
    int const left = (slot * Shape.outputs() + warp.first_output()) * staged_stride +
                     left_piece_row(warp.lane, staged_stride);
    int const right = (slot * Shape.rows() + warp.first_row()) * staged_stride +
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

  /// Adds the round's parts to the whole sums, which are the first group's, and begins new ones.
  template <class Block>
  TALUS_DEVICE void join(Block& block,
                         TileWalk const& walk,
                         Warp const& warp,
                         std::int64_t step,
                         SharedSpan<float> exchanged,
                         Sums& part,
                         Sums& sums) const {
    if constexpr (Shape.groups > 1) {
      if (warp.group > 0) {
        each_sum([&](int number, int o, int r, int k) {
          block.store(exchanged, place_of(warp, warp.group, number), part.of[o][r][k]);
        });
      }
      block.sync();
    }
    if (warp.group == 0) {
      each_sum([&](int, int o, int r, int k) { sums.of[o][r][k] += part.of[o][r][k]; });
      std::int64_t const round = step / TileWalk::part_steps * TileWalk::part_steps;
      for (int group = 1; group < Shape.groups; ++group) {
        if (walk.first_input(round, group, Shape.groups) < walk.inputs) {
          each_sum([&](int number, int o, int r, int k) {
            sums.of[o][r][k] += block.load(exchanged, place_of(warp, group, number));
          });
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

  /// function(number, fragment of outputs, fragment of rows, register) for each of a lane's sums.
  template <class Function>
  TALUS_DEVICE static void each_sum(Function const& function) {
    TALUS_UNROLL
    for (int o = 0; o < Shape.warp_outputs; ++o) {
      TALUS_UNROLL
      for (int r = 0; r < Shape.warp_rows; ++r) {
        TALUS_UNROLL
        for (int k = 0; k < 4; ++k) {
          function((o * Shape.warp_rows + r) * 4 + k, o, r, k);
        }
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void store(Block& block,
                          TileJob<Input> const& job,
                          TileWalk const& walk,
                          Warp const& warp,
                          Sums const& sums) const {
    each_sum([&](int, int o, int r, int k) {
      std::int64_t const output =
          walk.first_output + warp.first_output() + o * fragment_outputs + sum_output(warp.lane, k);
      std::int64_t const t =
          walk.first_row + warp.first_row() + r * fragment_rows + sum_row(warp.lane, k);
      if (output < job.y.cols && t < job.y.rows) {
        block.store(job.y, t, output, sums.of[o][r][k]);
      }
    });
  }
};

}  // namespace talus::kernels::block
