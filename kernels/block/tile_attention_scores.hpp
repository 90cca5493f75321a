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

/// Products of the warp's queries with its positions of a step, but for those that nobody sees.
template <AttentionShape Shape, class Block>
[[nodiscard]] TALUS_DEVICE typename TileAttentionWork<Shape>::Scores products_of(
    Block& block,
    TileKvStage const& stage,
    TileAttentionWork<Shape> const& work,
    TileStep const& step) {
  using Work = TileAttentionWork<Shape>;
  typename Work::Scores products{};
  std::int32_t const stride = stage.key_stride();
  int const first = work.column * Shape.warp_scores() * fragment_rows;
  std::int32_t const query = work.first_query * stride + left_piece_row(work.lane, stride);
  std::int32_t const key =
      (step.slot * attention_step + first) * stride + right_piece_row(work.lane, stride);
  auto const padded = static_cast<std::int32_t>(attention_stride(stage.layout.shape.key_dim) - 8);
  for (std::int32_t i = 0; i < padded; i += fragment_inputs) {
    LeftFragment queries[Work::num_left];
    TALUS_UNROLL
    for (std::size_t f = 0; f < Work::num_left; ++f) {
      auto const row = static_cast<std::int32_t>(f) * fragment_outputs;
      queries[f] = block.load_pieces(work.queries, query + row * stride + i, width<4>);
    }
    TALUS_UNROLL
    for (std::size_t n = 0; n < Work::num_scores; n += 2) {
      auto const row = static_cast<std::int32_t>(n) * fragment_rows;
      if (first + row < step.count) {
        auto const both = block.load_pieces(work.staged.keys, key + row * stride + i, width<4>);
        TALUS_UNROLL
        for (std::size_t f = 0; f < Work::num_left; ++f) {
          SumFragment(&of)[Work::num_scores] = products.of[f];
          of[n] = block.mma(queries[f], {both[0], both[1]}, of[n]);
          of[n + 1] = block.mma(queries[f], {both[2], both[3]}, of[n + 1]);
        }
      }
    }
  }
  return products;
}

}  // namespace talus::kernels::block
