// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/block/attention_task.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/softmax_state.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_work.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// The softmax of a piece, step after step.

namespace talus::kernels::block {

/// The greater ones of the lanes that have a row, and of the warps side by side.
template <AttentionShape Shape, class Block>
TALUS_DEVICE void exchange_greatest(Block& block,
                                    TileAttentionWork<Shape> const& work,
                                    typename TileAttentionWork<Shape>::Rows& greatest) {
  work.each_row([&](std::size_t f, std::size_t half) {
    float& own = greatest.of[f][half];
    own = maximum(own, block.shuffle_xor(own, 1));
    own = maximum(own, block.shuffle_xor(own, 2));
  });
  if constexpr (Shape.column_warps > 1) {
    work.each_row([&](std::size_t f, std::size_t half) {
      if (work.lane % 4 == 0) {
        int const to = work.column * Shape.queries() + work.query(f, half);
        block.store(work.maxima, to, greatest.of[f][half]);
      }
    });
    block.sync();
    work.each_row([&](std::size_t f, std::size_t half) {
      for (int column = 0; column < Shape.column_warps; ++column) {
        int const from = column * Shape.queries() + work.query(f, half);
        greatest.of[f][half] = maximum(block.load(work.maxima, from), greatest.of[f][half]);
      }
    });
  }
}

/// Makes scores of products, those of positions that a query doesn't see no_score.
///
/// \return  the greatest of each row of the piece, this step's included
template <AttentionShape Shape, class Block>
[[nodiscard]] TALUS_DEVICE typename TileAttentionWork<Shape>::Rows make_scores(
    Block& block,
    AttentionScores const& scores,
    TileAttentionWork<Shape> const& work,
    TileStep const& step,
    typename TileAttentionWork<Shape>::Scores& products) {
  typename TileAttentionWork<Shape>::Rows greatest = work.greatest;
  work.each_score([&](std::size_t f, std::size_t n, int k) {
    bool const is_seen = work.seen[f][k / 2].has(step.first + work.position(n, k));
    float const score = is_seen ? scores(products.of[f][n][k]) : no_score;
    products.of[f][n][k] = score;
    greatest.of[f][k / 2] = maximum(score, greatest.of[f][k / 2]);
  });
  exchange_greatest(block, work, greatest);
  return greatest;
}

/// Scales what the piece has so far to greater scores.
template <AttentionShape Shape>
TALUS_DEVICE void rescale(TileAttentionWork<Shape>& work,
                          typename TileAttentionWork<Shape>::Rows const& greatest) {
  work.each_row([&](std::size_t f, std::size_t half) {
    float const share = exp(work.greatest.of[f][half] - greatest.of[f][half]);
    work.greatest.of[f][half] = greatest.of[f][half];
    TALUS_UNROLL
    for (int k = 0; k < 2; ++k) {
      int const own = static_cast<int>(half) * 2 + k;
      work.sums[f][own] *= share;
      TALUS_UNROLL
      for (std::size_t n = 0; n < work.num_values; ++n) {
        work.values.of[f][n][own] *= share;
      }
    }
  });
}

/// Rounds and stores the weights of a step's scores. A flaw that a query sees makes its weight no
/// number, and one that it doesn't see nothing.
template <AttentionShape Shape, class Block>
TALUS_DEVICE void store_weights(Block& block,
                                TileAttentionWork<Shape> const& work,
                                TileStep const& step,
                                bool has_flaws,
                                typename TileAttentionWork<Shape>::Scores const& scores) {
  work.each_row([&](std::size_t f, std::size_t half) {
    TALUS_UNROLL
    for (std::size_t n = 0; n < work.num_scores; ++n) {
      Vector<std::uint16_t, 2> rounded;
      TALUS_UNROLL
      for (int k = 0; k < 2; ++k) {
        int const position = work.position(n, k);
        float const score = scores.of[f][n][static_cast<int>(half) * 2 + k];
        float weight = exp(score - work.greatest.of[f][half]);
        if (has_flaws && block.load(work.staged.flaws, position) != 0) {
          weight = std::numeric_limits<float>::quiet_NaN();
        }
        bool const is_seen = work.seen[f][half].has(step.first + position);
        rounded[k] = is_seen ? float_to_bf16(weight) : std::uint16_t{0};
      }
      int const to = work.query(f, half) * weight_stride + work.position(n, 0);
      block.store(work.weights, to, rounded);
    }
  });
}

}  // namespace talus::kernels::block
