// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/attention.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/paged_rows.hpp"

namespace talus::kernels::block {

/// Positions of a piece of the context, whose softmax is taken by itself: pieces begin at multiples
/// of it.
inline constexpr std::int64_t piece_positions = 256;

/// The heads of a rank, in groups that share a KV head: all groups but the first and the last have
/// as many heads.
struct HeadGroups {
  std::int64_t num_heads = 0;
  std::int64_t first_head = 0;
  std::int64_t heads_per_kv_head = 1;
  std::int64_t first_kv_head = 0;

  struct Group {
    std::int32_t kv_head = 0;  ///< in the cache
    std::int32_t first = 0;
    std::int32_t count = 0;
  };

  [[nodiscard]] constexpr std::int64_t size() const {
    return (first_head + num_heads - 1) / heads_per_kv_head - first_head / heads_per_kv_head + 1;
  }

  /// The most heads of a group.
  [[nodiscard]] constexpr std::int64_t most_heads() const {
    return num_heads < heads_per_kv_head ? num_heads : heads_per_kv_head;
  }

  [[nodiscard]] constexpr Group group(std::int64_t i) const {
    std::int64_t const kv_head = first_head / heads_per_kv_head + i;
    std::int64_t const begin = kv_head * heads_per_kv_head - first_head;
    std::int64_t const end = begin + heads_per_kv_head;
    std::int64_t const first = begin < 0 ? 0 : begin;
    std::int64_t const last = end < num_heads ? end : num_heads;
    return {static_cast<std::int32_t>(kv_head - first_kv_head),
            static_cast<std::int32_t>(first),
            static_cast<std::int32_t>(last - first)};
  }
};

[[nodiscard]] inline HeadGroups groups_of(AttentionHeads const& heads) {
  return {heads.num_heads, heads.first_head, heads.heads_per_kv_head, heads.first_kv_head};
}

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
  std::int32_t num_queries = 0;     ///< 0: there is no such tile
  std::int32_t first_piece = 0;  ///< of the pieces of the context that some query of the tile sees
  std::int32_t last_piece = 0;

  /// Which of the sequence's rows a query is of.
  [[nodiscard]] constexpr std::int32_t row(std::int32_t query) const {
    return (first_query + query) / num_heads;
  }

  [[nodiscard]] constexpr std::int32_t head(std::int32_t query) const {
    return first_head + (first_query + query) % num_heads;
  }

  [[nodiscard]] constexpr std::int32_t position(std::int32_t query) const {
    return first_position + row(query);
  }

  /// The first position that a query sees.
  [[nodiscard]] constexpr std::int64_t first_seen(std::int32_t query, std::int64_t window) const {
    std::int64_t const first = position(query) - window + 1;
    return window > 0 && first > 0 ? first : 0;
  }
};

/// The tiles of a launch, which blocks find by their numbers.
///
/// Where sequences have room for no fixed number of tiles, those of sequence s begin at number
/// first_row[s] * heads / size + s: so they have the room that they need, and a few numbers are
/// nobody's.
struct AttentionTiles {
  PagedRows rows;
  HeadGroups groups;
  std::int64_t window = 0;
  std::int64_t size = 1;         ///< queries of a tile
  std::int64_t of_sequence = 0;  ///< tiles that each sequence has room for; 0: as said above
  std::int64_t least_rows = 1;   ///< sequences of fewer rows have no tiles here
  std::int64_t most_rows = 0;    ///< sequences of more rows neither

  /// Tile `number` of a group of heads.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE AttentionTile find(Block& block,
                                                std::int64_t number,
                                                std::int64_t group) const {
    HeadGroups::Group const own = groups.group(group);
    std::int64_t const s = sequence_of(block, number, own.count);
    std::int32_t const first_row = block.load(rows.first_row, s);
    std::int64_t const num_rows = block.load(rows.first_row, s + 1) - first_row;
    std::int64_t const query = (number - first_tile(s, first_row, own.count)) * size;
    std::int64_t const queries = num_rows * own.count - query;
    if (num_rows < least_rows || num_rows > most_rows || queries <= 0) {
      return {};
    }
    AttentionTile tile{static_cast<std::int32_t>(s),
                       own.kv_head,
                       own.first,
                       own.count,
                       first_row,
                       block.load(rows.context, s),
                       static_cast<std::int32_t>(query),
                       static_cast<std::int32_t>(queries < size ? queries : size)};
    tile.first_piece = static_cast<std::int32_t>(tile.first_seen(0, window) / piece_positions);
    std::int32_t const last = tile.position(tile.num_queries - 1);
    tile.last_piece = static_cast<std::int32_t>(last / piece_positions) + 1;
    return tile;
  }

 private:
  [[nodiscard]] TALUS_DEVICE std::int64_t first_tile(std::int64_t sequence,
                                                     std::int64_t first_row,
                                                     std::int64_t heads) const {
    return of_sequence > 0 ? sequence * of_sequence : first_row * heads / size + sequence;
  }

  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t sequence_of(Block& block,
                                                      std::int64_t number,
                                                      std::int64_t heads) const {
    if (of_sequence > 0) {
      return number / of_sequence;
    }
    return rows.last_sequence([&](std::int64_t s) {
      return first_tile(s, block.load(rows.first_row, s), heads) <= number;
    });
  }
};

}  // namespace talus::kernels::block
