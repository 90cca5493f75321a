// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/lanes/attention_softmax.hpp"
#include "kernels/lanes/attention_tile.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Positions of a piece of the context: its scores and weights stay in the first-level cache, and a
/// piece costs little beside its merging. The positions of a latent's piece are widened together.
inline constexpr std::int64_t piece_positions = 128;
inline constexpr std::int64_t latent_piece_positions = 64;

/// What the rows of a tile have gathered from a part of the context: the greatest score, the sum of
/// 2^(score - greatest) and the values weighted so. Of nothing: {no_score, 0, 0}.
struct RowSums {
  alignas(64) float maximum[max_query_rows];
  alignas(64) float sum[max_query_rows];
  float* values = nullptr;  ///< [rows, stride]
  std::int64_t stride = 0;  ///< value_dim, padded to whole lanes
};

/// A thread's working memory. About 700 KB, on its stack: nothing is allocated in a step.
struct AttentionScratch {
  static constexpr std::int64_t query_floats = 40 * 1024;
  static constexpr std::int64_t key_floats = 40 * 1024;
  static constexpr std::int64_t value_floats = 32 * 1024;
  static constexpr std::int64_t max_panels = 4;

  alignas(64) float queries[query_floats];  ///< scaled: [rows, key_dim], or panels of 16 rows
  alignas(64) float keys[key_floats];       ///< widened: panels of keys, or latents
  alignas(64) float scores[max_query_rows * piece_positions];
  alignas(64) float columns[max_panels * piece_positions * num_lanes];  ///< of values, widened
  alignas(64) float values[value_floats];   ///< sums of all segments so far
  alignas(64) float segment[value_floats];  ///< sums of a later segment
  alignas(64) float share[max_query_rows];  ///< what a new maximum leaves of the sums before it
  alignas(64) float sums[max_query_rows * num_lanes];  ///< of weights, lane by lane
};

/// Raises the rows' maxima to `greatest`; `share` becomes what this leaves of older sums.
inline void raise_maxima(float const* greatest, std::int64_t rows, float* maxima, float* share) {
  for (std::int64_t row = 0; row < rows; row += num_lanes) {
    Lanes const old = load(maxima + row);
    Lanes const raised = maximum(old, load(greatest + row));
    store(maxima + row, raised);
    store(share + row, exp2_of_negative(old - raised));
  }
}

}  // namespace talus::kernels::TALUS_TARGET
