// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/block/attention_task.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/softmax_state.hpp"
#include "kernels/block/tile_attention_stage.hpp"
#include "kernels/block/tile_attention_work.hpp"
#include "runtime/base/dtype.hpp"

/// \file
/// The softmax of a piece, step after step.

namespace talus::kernels::block {

/// The greater ones of the lanes that have a row, and of the warps side by side.
template <class Work, class Block>
TALUS_DEVICE void exchange_greatest(Block& block, Work const& work, typename Work::Rows& greatest) {
  work.each_row([&](std::size_t f, std::size_t half) {
    float& own = greatest.of[f][half];
    own = maximum(own, block.shuffle_xor(own, 1));
    own = maximum(own, block.shuffle_xor(own, 2));
  });
  if constexpr (Work::shape.column_warps > 1) {
    work.each_row([&](std::size_t f, std::size_t half) {
      if (work.lane % 4 == 0) {
        int const to = work.column * Work::shape.queries() + work.query(f, half);
        block.store(work.maxima, to, greatest.of[f][half]);
      }
    });
    block.sync();
    work.each_row([&](std::size_t f, std::size_t half) {
      for (int column = 0; column < Work::shape.column_warps; ++column) {
        int const from = column * Work::shape.queries() + work.query(f, half);
        greatest.of[f][half] = maximum(block.load(work.maxima, from), greatest.of[f][half]);
      }
    });
  }
}

/// Makes scores of products, those of positions that a query doesn't see no_score.
///
/// \return  the greatest of each row of the piece, this step's included
template <class Work, class Block>
[[nodiscard]] TALUS_DEVICE typename Work::Rows make_scores(Block& block,
                                                           AttentionScores const& scores,
                                                           Work const& work,
                                                           TileStep const& step,
                                                           typename Work::Scores& products) {
  typename Work::Rows greatest = work.greatest;
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
template <class Work>
TALUS_DEVICE void rescale(Work& work, typename Work::Rows const& greatest) {
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
/// number, and one that it doesn't see nothing. Where values have scales, the products' weights are
/// times these, and rounded then.
template <class Work, class Block>
TALUS_DEVICE void store_weights(Block& block,
                                typename Work::Stage const& stage,
                                Work const& work,
                                TileStep const& step,
                                bool has_flaws,
                                typename Work::Scores const& scores) {
  constexpr bool is_scaled = has_scales<typename Work::Kind>;
  work.each_row([&](std::size_t f, std::size_t half) {
    TALUS_UNROLL
    for (std::size_t n = 0; n < work.num_scores; ++n) {
      int const first = work.position(n, 0);
      Vector<std::uint16_t, 2> rounded;
      Vector<std::uint16_t, 2> scaled;
      ScalePair scales;
      if constexpr (is_scaled) {
        scales = stage.value_scales(block, work.staged, step.slot, first);
      }
      TALUS_UNROLL
      for (int k = 0; k < 2; ++k) {
        float const score = scores.of[f][n][static_cast<int>(half) * 2 + k];
        float weight = exp(score - work.greatest.of[f][half]);
        if constexpr (!is_scaled) {
          if (has_flaws && block.load(work.staged.flaws, first + k) != 0) {
            weight = std::numeric_limits<float>::quiet_NaN();
          }
        }
        bool const is_seen = work.seen[f][half].has(step.first + first + k);
        rounded[k] = is_seen ? float_to_bf16(weight) : std::uint16_t{0};
        if constexpr (is_scaled) {
          scaled[k] = is_seen ? float_to_bf16(weight * scales[k]) : std::uint16_t{0};
        }
      }
      int const to = work.query(f, half) * weight_stride + first;
      block.store(work.summed, to, rounded);
      if constexpr (is_scaled) {
        block.store(work.weights, to, scaled);
      }
    }
  });
}

}  // namespace talus::kernels::block
