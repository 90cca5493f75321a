// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/block/block.hpp"

namespace talus::kernels::block {

/// Positions of a piece of the context, whose softmax is taken by itself: pieces begin at multiples
/// of it.
inline constexpr std::int64_t piece_positions = 256;

/// Queries of a tile: of neighbouring rows and the heads that share a KV head.
inline constexpr int tile_queries = 16;

/// A tile of queries of one sequence, which read the same keys and values.
///
/// Query i of the group is head first_head + i % num_heads of row first_row + i / num_heads.
struct AttentionTile {
  std::int32_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int32_t first_head = 0;      ///< of the group
  std::int32_t num_heads = 0;       ///< of the group
  std::int32_t first_row = 0;       ///< of the sequence
  std::int32_t first_position = 0;  ///< of that row
  std::int32_t first_query = 0;     ///< in the group
  std::int32_t num_queries = 0;
  std::int32_t first_piece = 0;  ///< of the pieces of the context that some query of the tile sees
  std::int32_t last_piece = 0;
  std::int32_t partial =
      -1;  ///< where its pieces' results are; -1: the tile does all pieces itself

  [[nodiscard]] constexpr std::int32_t position(std::int32_t query) const {
    return first_position + (first_query + query) / num_heads;
  }

  /// The first position that a query sees.
  [[nodiscard]] constexpr std::int64_t first_seen(std::int32_t query, std::int64_t window) const {
    std::int64_t const first = position(query) - window + 1;
    return window > 0 && first > 0 ? first : 0;
  }
};

/// The heads of a rank that share a KV head.
struct HeadGroup {
  std::int32_t kv_head = 0;
  std::int32_t first = 0;
  std::int32_t count = 0;
};

[[nodiscard]] inline std::vector<HeadGroup> groups_of(AttentionHeads const& heads) {
  std::vector<HeadGroup> groups;
  for (std::int64_t h = 0; h < heads.num_heads; ++h) {
    auto const kv_head = static_cast<std::int32_t>(
        (heads.first_head + h) / heads.heads_per_kv_head - heads.first_kv_head);
    if (groups.empty() || groups.back().kv_head != kv_head) {
      groups.push_back({kv_head, static_cast<std::int32_t>(h), 0});
    }
    ++groups.back().count;
  }
  return groups;
}

/// What attention over a batch does: its tiles, and those of them whose pieces are shared out to
/// blocks. The results are the same however tiles are cut and pieces shared.
struct AttentionPlan {
  std::vector<AttentionTile> whole;  ///< a block does all pieces
  std::vector<AttentionTile> split;  ///< a block does one piece
  std::int32_t num_partials = 0;     ///< pieces of split tiles
  std::int32_t most_pieces = 0;      ///< of a split tile
};

/// Sequences with at most so many rows in a step have their pieces shared out: they have few tiles,
/// and long contexts.
inline constexpr std::int64_t split_rows = 4;

[[nodiscard]] inline AttentionPlan plan_attention(PagedBatch const& batch,
                                                  AttentionHeads const& heads,
                                                  std::int64_t most_split_rows = split_rows) {
  AttentionPlan plan;
  std::vector<HeadGroup> const groups = groups_of(heads);
  for (std::int64_t s = 0; s < batch.num_sequences(); ++s) {
    auto const i = static_cast<std::size_t>(s);
    std::int32_t const rows = batch.first_row[i + 1] - batch.first_row[i];
    for (HeadGroup const& group : groups) {
      for (std::int32_t query = 0; query < rows * group.count; query += tile_queries) {
        std::int32_t const queries = std::min(tile_queries, rows * group.count - query);
        AttentionTile tile{static_cast<std::int32_t>(s),
                           group.kv_head,
                           group.first,
                           group.count,
                           batch.first_row[i],
                           batch.context[i],
                           query,
                           queries};
        tile.first_piece =
            static_cast<std::int32_t>(tile.first_seen(0, heads.window) / piece_positions);
        tile.last_piece =
            static_cast<std::int32_t>(tile.position(queries - 1) / piece_positions) + 1;
        std::int32_t const pieces = tile.last_piece - tile.first_piece;
        if (rows > most_split_rows || pieces == 1) {
          plan.whole.push_back(tile);
          continue;
        }
        tile.partial = plan.num_partials;
        plan.num_partials += pieces;
        plan.most_pieces = std::max(plan.most_pieces, pieces);
        plan.split.push_back(tile);
      }
    }
  }
  return plan;
}

}  // namespace talus::kernels::block
