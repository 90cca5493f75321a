// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/attention.hpp"
#include "kernels/block/attention_tiles.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::block {

/// Sequences with at most so many rows in a step have their pieces shared out: they have few tiles,
/// and long contexts.
inline constexpr std::int64_t split_rows = 4;

/// What results of pieces may take of the device's memory. Where they would take more there are so
/// many sequences that pieces needn't be shared out.
inline constexpr std::int64_t most_partial_bytes = std::int64_t{256} << 20;

/// Which blocks do what of attention over a batch. The results are the same however tiles are cut
/// and pieces shared.
///
/// Of a decode step it depends on the number of sequences and on max_blocks alone, not on the
/// sequences' lengths: so that launches can be repeated.
struct AttentionPlan {
  std::int64_t sequences = 0;
  std::int64_t rows = 0;
  bool is_decode = false;
  std::int64_t split_rows = 0;  ///< sequences of at most so many rows are split
  std::int64_t pieces = 0;      ///< blocks that share out the pieces of a split tile
  bool has_split = false;
  bool has_whole = false;

  /// Tiles of split sequences, or of the others, where a group of heads has `group_heads`.
  [[nodiscard]] std::int64_t num_tiles(bool is_split,
                                       std::int64_t group_heads,
                                       std::int64_t size) const {
    std::int64_t const room = tiles_of_sequence(is_split, group_heads, size);
    return room > 0 ? sequences * room : rows * group_heads / size + sequences;
  }

  /// Tiles that each sequence has room for; 0: as many as its rows need.
  [[nodiscard]] std::int64_t tiles_of_sequence(bool is_split,
                                               std::int64_t group_heads,
                                               std::int64_t size) const {
    std::int64_t const most = is_decode ? 1 : is_split ? split_rows : 0;
    return ceil_div(most * group_heads, size);
  }
};

/// \param block_tokens     of the cache
/// \param most_split_rows  0: nothing is split
[[nodiscard]] inline AttentionPlan plan_attention(PagedBatch const& batch,
                                                  AttentionHeads const& heads,
                                                  std::int64_t value_dim,
                                                  std::int64_t block_tokens,
                                                  std::int64_t most_split_rows = split_rows) {
  AttentionPlan plan{batch.num_sequences(), batch.first_row.back(), is_decode(batch)};
  plan.split_rows = plan.is_decode ? std::min<std::int64_t>(1, most_split_rows) : most_split_rows;
  std::int64_t seen = batch.max_blocks * block_tokens;
  if (heads.window > 0) {
    // What a tile's rows see begins and ends anywhere in a piece.
    seen = std::min(seen, heads.window + plan.split_rows + piece_positions);
  }
  auto const pieces = static_cast<std::uint64_t>(ceil_div(seen, piece_positions));
  plan.pieces = static_cast<std::int64_t>(std::bit_ceil(pieces));
  std::int64_t const partials = plan.sequences * plan.split_rows * heads.num_heads * plan.pieces;
  constexpr auto float_bytes = static_cast<std::int64_t>(sizeof(float));
  if (plan.pieces < 2 || partials * (value_dim + 2) * float_bytes > most_partial_bytes) {
    plan.split_rows = 0;
  }
  for (std::int64_t s = 0; s < plan.sequences; ++s) {
    auto const i = static_cast<std::size_t>(s);
    std::int32_t const rows = batch.first_row[i + 1] - batch.first_row[i];
    plan.has_split = plan.has_split || (rows > 0 && rows <= plan.split_rows);
    plan.has_whole = plan.has_whole || rows > plan.split_rows;
  }
  return plan;
}

}  // namespace talus::kernels::block
