// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "kernels/block/tile_attention_work.hpp"

namespace talus::kernels::block {

/// Adds a step's weights to their sums, and times the values to the warp's part of these.
template <AttentionShape Shape, class Block>
TALUS_DEVICE void add_values(Block& block,
                             TileKvStage const& stage,
                             TileAttentionWork<Shape>& work,
                             TileStep const& step) {
  using Work = TileAttentionWork<Shape>;
  constexpr std::uint32_t two_ones = 0x3F803F80U;
  StagedValues const values = stage.values(work.staged, step.slot);
  int const first = work.column * Shape.warp_values() * fragment_rows;
  std::int32_t const dim = static_cast<std::int32_t>(stage.layout.shape.value_dim);
  std::int32_t const value = values.first + first + left_piece_row(work.lane, values.stride);
  int const weight = work.first_query * weight_stride + left_piece_row(work.lane, weight_stride);
  TALUS_UNROLL
  for (int i = 0; i < attention_step; i += fragment_inputs) {
    if (i >= step.count) {
      break;
    }
    LeftFragment weights[Work::num_left];
    TALUS_UNROLL
    for (std::size_t f = 0; f < Work::num_left; ++f) {
      int const row = static_cast<int>(f) * fragment_outputs;
      weights[f] = block.load_pieces(work.weights, weight + row * weight_stride + i, width<4>);
      work.sums[f] = block.mma(weights[f], {two_ones, two_ones}, work.sums[f]);
    }
    TALUS_UNROLL
    for (std::size_t n = 0; n < Work::num_values; n += 2) {
      auto const column = static_cast<std::int32_t>(n) * fragment_rows;
      if (first + column < dim) {
        auto const both =
            block.load_transposed_pieces(values.memory, value + i * values.stride + column);
        TALUS_UNROLL
        for (std::size_t f = 0; f < Work::num_left; ++f) {
          SumFragment(&of)[Work::num_values] = work.values.of[f];
          of[n] = block.mma(weights[f], {both[0], both[1]}, of[n]);
          of[n + 1] = block.mma(weights[f], {both[2], both[3]}, of[n + 1]);
        }
      }
    }
  }
}

}  // namespace talus::kernels::block
