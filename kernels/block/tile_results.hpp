// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/tile_plan.hpp"
#include "kernels/block/tile_stage.hpp"

/// \file
/// Sums of tiles by tensor cores: what a thread has of them, and how groups of warps, which sum
/// parts side by side, put theirs together in the order of the parts.

namespace talus::kernels::block {

/// A lane's sums of a part, or of parts.
template <int Outputs, int Rows>
struct TileSum {
  SumFragment of[static_cast<std::size_t>(Outputs)][static_cast<std::size_t>(Rows)];

  /// function(number, fragment of outputs, fragment of rows, register) for each of them.
  template <class Function>
  TALUS_DEVICE static void each(Function const& function) {
    TALUS_UNROLL
    for (int o = 0; o < Outputs; ++o) {
      TALUS_UNROLL
      for (int r = 0; r < Rows; ++r) {
        TALUS_UNROLL
        for (int k = 0; k < 4; ++k) {
          function((o * Rows + r) * 4 + k, o, r, k);
        }
      }
    }
  }
};

/// Sums of earlier parts, the newest on top: in memory of a thread's own, since which is the top is
/// known at run time only.
template <class Sums, int Depth>
struct SumStack {
  Sums all[static_cast<std::size_t>(Depth)];
  int size = 0;

  /// Pushes the sum of a part and the newest `folds` sums, which it replaces.
  TALUS_DEVICE void fold(Sums const& part, int folds) {
    Sums sum = part;
    for (int fold = 0; fold < folds; ++fold) {
      Sums const& older = all[--size];
      Sums::each(
          [&](int, int o, int r, int k) { sum.of[o][r][k] = older.of[o][r][k] + sum.of[o][r][k]; });
    }
    all[size++] = sum;
  }

  [[nodiscard]] TALUS_DEVICE Sums const& pop() { return all[--size]; }
};

/// Of one sum: in registers, where it is replaced in place. (Were it copied, as above, two sums and
/// the copy would want more registers than a thread has.)
template <class Sums>
struct SumStack<Sums, 1> {
  Sums top;

  TALUS_DEVICE void fold(Sums const& part, int folds) {
    if (folds == 0) {
      top = part;
      return;
    }
    Sums::each(
        [&](int, int o, int r, int k) { top.of[o][r][k] = top.of[o][r][k] + part.of[o][r][k]; });
  }

  [[nodiscard]] TALUS_DEVICE Sums const& pop() const { return top; }
};

/// A warp's place in the block of a tile.
template <TileShape Shape>
struct TileWarp {
  int lane = 0;
  int output = 0;  ///< among those side by side
  int row = 0;
  int group = 0;

  [[nodiscard]] static TALUS_DEVICE TileWarp of(int thread) {
    int const number = thread / warp_size;
    return {thread % warp_size,
            number % Shape.output_warps,
            number / Shape.output_warps % Shape.row_warps,
            number / Shape.group_warps()};
  }

  [[nodiscard]] TALUS_DEVICE int first_output() const {
    return output * Shape.warp_outputs * fragment_outputs;
  }

  [[nodiscard]] TALUS_DEVICE int first_row() const { return row * Shape.warp_rows * fragment_rows; }

  /// Where a lane's sum of another group is exchanged.
  [[nodiscard]] TALUS_DEVICE int place_of(int other_group, int number) const {
    constexpr int warp_sums = Shape.warp_outputs * Shape.warp_rows * 4;
    int const own = row * Shape.output_warps + output;
    return (((other_group - 1) * Shape.group_warps() + own) * warp_sums + number) * warp_size +
           lane;
  }
};

/// What a thread has of a tile's results.
template <TileShape Shape, int Depth>
struct TileResults {
  using Sums = TileSum<Shape.warp_outputs, Shape.warp_rows>;

  TilePlace place;
  TileWarp<Shape> warp;
  SharedSpan<float> exchanged;  ///< [Shape.exchanged_sums()]
  std::int32_t node = 0;        ///< that is summed

  [[nodiscard]] TALUS_DEVICE std::int64_t output(int fragment, int k) const {
    return place.first_output + warp.first_output() + fragment * fragment_outputs +
           sum_output(warp.lane, k);
  }

  [[nodiscard]] TALUS_DEVICE std::int64_t row(int fragment, int k) const {
    return place.first_row + warp.first_row() + fragment * fragment_rows + sum_row(warp.lane, k);
  }

  /// The first group takes the sums of the round's parts, in order; new ones begin.
  ///
  /// \param y      of a plain sum
  /// \param nodes  what sums over leaves are stored to, one after another; empty: y
  template <class Block>
  TALUS_DEVICE void join(Block& block,
                         TileCursor<Shape> const& now,
                         std::int64_t num_parts,
                         MatrixView<float> const& y,
                         GlobalSpan<MatrixView<float> const> nodes,
                         Sums& part,
                         SumStack<Sums, Depth>& stack) {
    if constexpr (Shape.groups > 1) {
      if (warp.group > 0) {
        Sums::each([&](int number, int o, int r, int k) {
          block.store(exchanged, warp.place_of(warp.group, number), part.of[o][r][k]);
        });
      }
      block.sync();
    }
    if (warp.group == 0) {
      for (int group = 0; group < Shape.groups && now.part + group < num_parts; ++group) {
        if (group > 0) {
          Sums::each([&](int number, int o, int r, int k) {
            part.of[o][r][k] = block.load(exchanged, warp.place_of(group, number));
          });
        }
        TilePart const own = block.load(now.parts, now.part + group);
        stack.fold(part, own.folds);
        if (own.is_last != 0) {
          store(block, nodes.size > 0 ? block.load(nodes, node) : y, stack.pop());
          ++node;
        }
      }
    }
    part = {};
  }

 private:
  template <class Block>
  TALUS_DEVICE void store(Block& block, MatrixView<float> const& y, Sums const& whole) const {
    Sums::each([&](int, int o, int r, int k) {
      if (output(o, k) < y.cols && row(r, k) < y.rows) {
        block.store(y, row(r, k), output(o, k), whole.of[o][r][k]);
      }
    });
  }
};

}  // namespace talus::kernels::block
