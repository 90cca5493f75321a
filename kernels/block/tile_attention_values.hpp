// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_fragments.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "kernels/block/tile_attention_work.hpp"

/// \file
/// Products of weights with the values of a step.

namespace talus::kernels::block {

/// A lane's part of the weights of 16 positions: of the warp's queries.
template <class Work>
struct TileWeights {
  LeftFragment of[Work::num_left];
};

/// Adds the weights of positions [i, i + 16) of a step to their sums.
///
/// \return  what their values are to be multiplied with
template <class Work, class Block>
[[nodiscard]] TALUS_DEVICE TileWeights<Work> add_weights(Block& block, Work& work, int i) {
  constexpr std::uint32_t two_ones = 0x3F803F80U;
  int const first = work.first_query * weight_stride + left_piece_row(work.lane, weight_stride) + i;
  TileWeights<Work> weights;
  TALUS_UNROLL
  for (std::size_t f = 0; f < Work::num_left; ++f) {
    int const from = first + static_cast<int>(f) * fragment_outputs * weight_stride;
    weights.of[f] = block.load_pieces(work.weights, from, width<4>);
    LeftFragment summed = weights.of[f];
    if constexpr (has_scales<typename Work::Kind>) {
      summed = block.load_pieces(work.summed, from, width<4>);
    }
    work.sums[f] = block.mma(summed, {two_ones, two_ones}, work.sums[f]);
  }
  return weights;
}

/// Adds a step's weights to their sums, and times the values to the warp's part of these. What is
/// beyond the positions that somebody sees has zeros for weights and values.
template <class Work, class Block>
TALUS_DEVICE void add_values(Block& block,
                             typename Work::Stage const& stage,
                             Work& work,
                             TileStep const& step) {
  using Kind = typename Work::Kind;
  constexpr int groups = piece_groups<Kind>;
  StagedValues const values = stage.values(work.staged, step.slot);
  int const first = work.column * Work::shape.warp_values() * fragment_rows;
  std::int32_t const dim = static_cast<std::int32_t>(stage.layout.shape.value_dim);
  std::int32_t const value =
      values.first + first / groups + value_piece_row<Kind>(work.lane, values.stride);
  TALUS_UNROLL
  for (int i = 0; i < attention_step; i += groups * fragment_inputs) {
    if (i >= step.count) {
      break;
    }
    TileWeights<Work> weights[std::size_t{groups}];
    TALUS_UNROLL
    for (int g = 0; g < groups; ++g) {
      weights[g] = add_weights(block, work, i + g * fragment_inputs);
    }
    TALUS_UNROLL
    for (std::size_t n = 0; n < Work::num_values; n += 2) {
      auto const column = static_cast<std::int32_t>(n) * fragment_rows;
      if (first + column < dim) {
        auto const pieces = block.load_transposed_pieces(
            values.memory, value + i * values.stride + column / groups);
        TALUS_UNROLL
        for (int g = 0; g < groups; ++g) {
          FragmentPair const both = value_fragments<Kind>(pieces, g);
          TALUS_UNROLL
          for (std::size_t f = 0; f < Work::num_left; ++f) {
            SumFragment(&of)[Work::num_values] = work.values.of[f];
            of[n] = block.mma(weights[g].of[f], {both[0], both[1]}, of[n]);
            of[n + 1] = block.mma(weights[g].of[f], {both[2], both[3]}, of[n + 1]);
          }
        }
      }
    }
  }
}

}  // namespace talus::kernels::block
