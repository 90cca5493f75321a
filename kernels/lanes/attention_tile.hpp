// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "kernels/attention.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/lanes/kv_block.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Positions of a piece of the context: a score and its weight stay in the first-level cache, and a
/// piece costs little beside its merging.
inline constexpr std::int64_t piece_positions = 128;

/// Rows (a token's head each) that share one pass over keys and values.
inline constexpr std::int64_t max_query_rows = 96;

/// What one call of paged_attention works on.
struct AttentionCall {
  PagedBatch const& batch;
  AttentionHeads const& heads;
  MatrixView<float const> q;
  KvCache const& cache;
  MatrixView<float> out;
  KvBlocks blocks;
};

/// Some rows of one sequence that share a KV head: heads [first_head, last_head) of each of the
/// tokens [first_token, last_token).
struct QueryTile {
  std::int64_t sequence = 0;
  std::int64_t kv_head = 0;  ///< of the cache
  std::int64_t first_head = 0;
  std::int64_t last_head = 0;
  std::int64_t first_token = 0;  ///< row of the batch
  std::int64_t last_token = 0;

  [[nodiscard]] std::int64_t rows() const noexcept {
    return (last_token - first_token) * (last_head - first_head);
  }
};

/// A thread's working memory. About 300 KB, on its stack: nothing is allocated in a step.
struct AttentionScratch {
  static constexpr std::size_t query_elements = 32 * 1024;

  alignas(64) float queries[query_elements];  ///< [rows, key_dim], or a latent's panels of 16 rows
  alignas(64) float scores[max_query_rows * piece_positions];
  alignas(64) float keys[num_lanes * max_key_dim];  ///< sixteen latents, widened
  float maximum[max_query_rows];                    ///< of each row's pieces so far
  float sum[max_query_rows];
  float old_share[max_query_rows];  ///< factors that merge a piece with those before it
  float new_share[max_query_rows];
};

/// Rows of a tile for which queries fit the scratch memory.
[[nodiscard]] constexpr std::int64_t query_rows_for(std::int64_t key_dim) {
  std::int64_t const fitting =
      static_cast<std::int64_t>(AttentionScratch::query_elements) / key_dim;
  return fitting >= max_query_rows ? max_query_rows : fitting / num_lanes * num_lanes;
}

/// Computes the outputs of a tile. Bits of a row don't depend on the tile it is in.
void attend(AttentionCall const& call, QueryTile const& tile);

}  // namespace talus::kernels::TALUS_TARGET
