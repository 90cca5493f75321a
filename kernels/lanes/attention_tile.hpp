// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/attention.hpp"
#include "kernels/lanes/kv_block.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The context is cut at multiples of this: what each segment gives is merged in order, so that
/// segments can be computed side by side.
inline constexpr std::int64_t segment_positions = 1024;

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
/// tokens [first_token, last_token); rows are ordered by token, then by head.
struct QueryTile {
  std::int64_t sequence = 0;
  std::int64_t kv_head = 0;  ///< of the cache
  std::int64_t first_head = 0;
  std::int64_t last_head = 0;
  std::int64_t first_token = 0;  ///< row of the batch
  std::int64_t last_token = 0;

  [[nodiscard]] std::int64_t heads() const noexcept { return last_head - first_head; }

  [[nodiscard]] std::int64_t rows() const noexcept { return (last_token - first_token) * heads(); }

  [[nodiscard]] std::int64_t token_of(std::int64_t row) const noexcept {
    return first_token + row / heads();
  }

  [[nodiscard]] std::int64_t head_of(std::int64_t row) const noexcept {
    return first_head + row % heads();
  }
};

/// Rows of the largest tile of queries.
[[nodiscard]] std::int64_t query_rows_for(KvShape const& shape);

/// Segments that the rows of a tile see: [first, last).
struct SegmentRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

[[nodiscard]] SegmentRange segments_of(AttentionCall const& call, QueryTile const& tile);

/// Computes the outputs of a tile. Bits of a row don't depend on the tile it is in.
void attend(AttentionCall const& call, QueryTile const& tile);

/// Floats of what one segment of the context gives to `rows` rows.
[[nodiscard]] std::int64_t partial_floats(std::int64_t rows, KvShape const& shape);

/// The same in parts: what one segment gives to a tile,
void attend_segment(AttentionCall const& call,
                    QueryTile const& tile,
                    std::int64_t segment,
                    float* partial);

/// what a segment gives, merged into what those before it gave, in their order,
void merge_partial(AttentionCall const& call,
                   QueryTile const& tile,
                   float* next_partial,
                   float* partial);

/// and what all give turned into outputs.
void finish_partial(AttentionCall const& call, QueryTile const& tile, float* partial);

}  // namespace talus::kernels::TALUS_TARGET
