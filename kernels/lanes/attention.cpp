// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "kernels/lanes/attention_tile.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// How the rows of a step are cut into tiles.
///
/// Sequence s has the slots from first_row[s] / tokens + s: always enough for its tokens, at most
/// one too many, and found without a table.
class TileGrid {
 public:
  explicit TileGrid(AttentionCall const& call) : call_{call} {
    KvShape const& shape = call.cache.shape();
    std::int64_t const most = query_rows_for(shape);
    std::int64_t const group = std::min(call.heads.heads_per_kv_head, call.heads.num_heads);
    // Heads are cut at the same places on every rank, but only where they are too many.
    head_chunks_ = group <= most ? 1 : (call.heads.heads_per_kv_head + most - 1) / most;
    chunk_heads_ = (call.heads.heads_per_kv_head + head_chunks_ - 1) / head_chunks_;
    tile_tokens_ = std::max<std::int64_t>(1, most / std::min(group, chunk_heads_));
    first_kv_head_ = call.heads.first_head / call.heads.heads_per_kv_head;
    std::int64_t const last_head = call.heads.first_head + call.heads.num_heads - 1;
    kv_heads_ = last_head / call.heads.heads_per_kv_head - first_kv_head_ + 1;
    slots_ = slot_of(call.batch.num_sequences());
  }

  [[nodiscard]] std::int64_t count() const noexcept { return slots_ * kv_heads_ * head_chunks_; }

  /// Rows of the largest tile.
  [[nodiscard]] std::int64_t max_rows() const noexcept { return tile_tokens_ * chunk_heads_; }

  /// Tile `index`; it may have no rows.
  [[nodiscard]] QueryTile tile(std::int64_t index) const {
    std::int64_t const slot = index / (kv_heads_ * head_chunks_);
    std::int64_t const kv_head = first_kv_head_ + index / head_chunks_ % kv_heads_;
    std::int64_t const s = sequence_of(slot);
    auto const i = static_cast<std::size_t>(s);
    std::int64_t const token = call_.batch.first_row[i] + (slot - slot_of(s)) * tile_tokens_;
    std::int64_t const end = call_.batch.first_row[i + 1];

    AttentionHeads const& heads = call_.heads;
    std::int64_t const group = kv_head * heads.heads_per_kv_head;
    std::int64_t const first = group + index % head_chunks_ * chunk_heads_;
    std::int64_t const last = std::min(first + chunk_heads_, group + heads.heads_per_kv_head);
    std::int64_t const own_end = heads.first_head + heads.num_heads;
    return {s,
            kv_head - heads.first_kv_head,
            std::clamp(first, heads.first_head, own_end) - heads.first_head,
            std::clamp(last, heads.first_head, own_end) - heads.first_head,
            std::min(token, end),
            std::min(token + tile_tokens_, end)};
  }

 private:
  /// First slot of a sequence.
  [[nodiscard]] std::int64_t slot_of(std::int64_t s) const {
    return call_.batch.first_row[static_cast<std::size_t>(s)] / tile_tokens_ + s;
  }

  /// The last sequence whose first slot is not after `slot`.
  [[nodiscard]] std::int64_t sequence_of(std::int64_t slot) const {
    std::int64_t low = 0;
    std::int64_t high = call_.batch.num_sequences();
    while (high - low > 1) {
      std::int64_t const middle = (low + high) / 2;
      (slot_of(middle) <= slot ? low : high) = middle;
    }
    return low;
  }

  AttentionCall const& call_;
  std::int64_t head_chunks_ = 1;
  std::int64_t chunk_heads_ = 1;
  std::int64_t tile_tokens_ = 1;
  std::int64_t first_kv_head_ = 0;
  std::int64_t kv_heads_ = 1;
  std::int64_t slots_ = 0;
};

/// Positions seen by all rows, times what a position costs, in vector steps.
std::int64_t cost_of(AttentionCall const& call) {
  KvShape const& shape = call.cache.shape();
  std::int64_t const window = call.heads.window;
  std::int64_t positions = 0;
  for (std::int64_t s = 0; s < call.batch.num_sequences(); ++s) {
    auto const i = static_cast<std::size_t>(s);
    std::int64_t const tokens = call.batch.first_row[i + 1] - call.batch.first_row[i];
    std::int64_t const end = call.batch.context[i] + tokens;
    positions += tokens * (window > 0 ? std::min(window + tokens, end) : end);
  }
  return positions * call.heads.num_heads * (shape.key_dim + shape.value_dim) / num_lanes;
}

/// Threads that share out work.
std::int64_t num_threads([[maybe_unused]] ExecContext const& exec) {
#if TALUS_TARGET_IS_KOKKOS
  return Host{}.concurrency();
#else
  return exec.team == nullptr ? 1 : exec.team->size();
#endif
}

/// Tiles in an order in which each run of them costs about the same: those at a prompt's end see
/// more than those at its beginning.
QueryTile tile_in_turn(TileGrid const& grid, std::int64_t turn) {
  return grid.tile(turn % 2 == 0 ? turn / 2 : grid.count() - 1 - turn / 2);
}

/// Most segments that a tile sees.
std::int64_t most_segments(AttentionCall const& call, TileGrid const& grid) {
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    QueryTile const tile = grid.tile(i);
    if (tile.rows() > 0) {
      SegmentRange const segments = segments_of(call, tile);
      most = std::max(most, segments.last - segments.first);
    }
  }
  return most;
}

/// Few tiles with long contexts: threads share out the segments too, as many at a time as there is
/// memory for. The first part of a tile's memory is for what is merged.
class SplitAttention {
 public:
  SplitAttention(ExecContext const& exec, AttentionCall const& call, TileGrid const& grid)
      : exec_{exec},
        call_{call},
        grid_{grid},
        part_floats_{partial_floats(grid.max_rows(), call.cache.shape())},
        parts_{memory_floats / (part_floats_ * std::max<std::int64_t>(1, grid.count()))} {}

  /// Whether it pays, and there is room for it.
  [[nodiscard]] bool is_worthwhile() const {
    return num_threads(exec_) > 1 && grid_.count() < 4 * num_threads(exec_) && parts_ > 1 &&
           most_segments(call_, grid_) > 1;
  }

  void run() {
    std::int64_t const segments = most_segments(call_, grid_);
    for (std::int64_t first = 0; first < segments;) {
      std::int64_t const part = first == 0 ? 0 : 1;
      std::int64_t const count = std::min(segments - first, parts_ - part);
      attend_segments(first, count, part);
      merge_parts(first, count, part);
      first += count;
    }
    for (std::int64_t i = 0; i < grid_.count(); ++i) {
      QueryTile const tile = grid_.tile(i);
      if (tile.rows() > 0) {
        finish_partial(call_, tile, part_of(i, 0));
      }
    }
  }

 private:
  static constexpr std::int64_t memory_floats = 256 * 1024;

  [[nodiscard]] float* part_of(std::int64_t tile, std::int64_t part) {
    return memory_ + (tile * parts_ + part) * part_floats_;
  }

  /// Segments are counted from the first one that a tile sees.
  void attend_segments(std::int64_t first, std::int64_t count, std::int64_t part) {
    for_each(exec_,
             "talus::kernels::paged_attention",
             grid_.count() * count,
             std::numeric_limits<std::int64_t>::max(),
             [&](std::int64_t i) {
               QueryTile const tile = grid_.tile(i / count);
               if (tile.rows() == 0) {
                 return;
               }
               SegmentRange const segments = segments_of(call_, tile);
               std::int64_t const segment = segments.first + first + i % count;
               if (segment < segments.last) {
                 attend_segment(call_, tile, segment, part_of(i / count, part + i % count));
               }
             });
  }

  void merge_parts(std::int64_t first, std::int64_t count, std::int64_t part) {
    for (std::int64_t i = 0; i < grid_.count(); ++i) {
      QueryTile const tile = grid_.tile(i);
      SegmentRange const segments = tile.rows() > 0 ? segments_of(call_, tile) : SegmentRange{};
      std::int64_t const own = std::min(count, segments.last - segments.first - first);
      for (std::int64_t k = part == 0 ? 1 : 0; k < own; ++k) {
        merge_partial(call_, tile, part_of(i, part + k), part_of(i, 0));
      }
    }
  }

  ExecContext const& exec_;
  AttentionCall const& call_;
  TileGrid const& grid_;
  std::int64_t part_floats_;
  std::int64_t parts_;  ///< of each tile
  alignas(64) float memory_[memory_floats];
};

}  // namespace

void paged_attention(ExecContext const& exec,
                     PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out) {
  if (batch.num_sequences() == 0) {
    return;
  }
  AttentionCall const call{batch, heads, q, cache, out, KvBlocks{cache, batch}};
  TileGrid const grid{call};
  SplitAttention split{exec, call, grid};
  if (split.is_worthwhile()) {
    split.run();
    return;
  }
  for_each(
      exec, "talus::kernels::paged_attention", grid.count(), cost_of(call), [&](std::int64_t i) {
        QueryTile const tile = tile_in_turn(grid, i);
        if (tile.rows() > 0) {
          attend(call, tile);
        }
      });
}

}  // namespace talus::kernels::TALUS_TARGET
