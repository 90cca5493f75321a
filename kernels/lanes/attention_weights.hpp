// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "kernels/lanes/attention_piece.hpp"

namespace talus::kernels::TALUS_TARGET {

/// What becomes of a tile's scores, [rows, piece_positions] in its working memory: weights, their
/// sums and greatest scores, row by row.
template <class Element>
class RowWeights {
 public:
  static constexpr std::int64_t positions = piece_positions;

  RowWeights(AttentionCall const& call, QueryTile const& tile, AttentionScratch& scratch)
      : call_{call}, tile_{tile}, scratch_{scratch}, rows_{tile.rows()} {}

  /// Of nothing yet.
  void start(RowSums& sums) {
    std::fill_n(sums.maximum, max_query_rows, no_score);
    std::fill_n(scratch_.sums, rows_ * num_lanes, 0.0F);
  }

  /// Turns scores into weights, exactly 0 where a row doesn't see; of codes, times their scales.
  void weigh(Piece<Element> const& piece, RowSums& sums) {
    if constexpr (has_scales<Element>) {
      scale_scores(piece);
    }
    if (call_.heads.soft_cap > 0.0F) {
      cap_scores(call_.heads.soft_cap, scratch_.scores, rows_ * positions);
    }
    mask_scores(call_, tile_, piece, {positions, 1}, scratch_.scores);
    std::int64_t const first = piece.first * num_lanes;
    std::int64_t const count = (piece.last - piece.first) * num_lanes;
    alignas(64) float greatest[max_query_rows];
    for (std::int64_t row = 0; row < rows_; ++row) {
      greatest[row] = greatest_of(scratch_.scores + row * positions + first, count);
    }
    raise_maxima(greatest, rows_, sums.maximum, scratch_.share);
    for (std::int64_t row = 0; row < rows_; ++row) {
      float* const scores = scratch_.scores + row * positions + first;
      Lanes const maximum = broadcast(sums.maximum[row]);
      Lanes sum = load(scratch_.sums + row * num_lanes) * broadcast(scratch_.share[row]);
      for (std::int64_t j = 0; j < count; j += num_lanes) {
        Lanes const weights = exp2_of_negative(load(scores + j) - maximum);
        sum = sum + weights;
        if constexpr (has_scales<Element>) {
          store(scores + j, weights * load(piece.scales[piece.first + j / num_lanes].values));
        } else {
          store(scores + j, weights);
        }
      }
      store(scratch_.sums + row * num_lanes, sum);
    }
  }

  void finish(RowSums& sums) {
    for (std::int64_t row = 0; row < rows_; ++row) {
      sums.sum[row] = sum_of(load(scratch_.sums + row * num_lanes));
    }
  }

 private:
  /// Sums of products with codes become scores.
  void scale_scores(Piece<Element> const& piece) {
    for (std::int64_t group = piece.first; group < piece.last; ++group) {
      Lanes const scales = load(piece.scales[group].keys);
      for (std::int64_t row = 0; row < rows_; ++row) {
        float* const scores = scratch_.scores + row * positions + group * num_lanes;
        store(scores, load(scores) * scales);
      }
    }
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  AttentionScratch& scratch_;
  std::int64_t rows_;
};

}  // namespace talus::kernels::TALUS_TARGET
