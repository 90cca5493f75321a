// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_fragments.hpp"
#include "kernels/block/softmax_state.hpp"
#include "kernels/block/tile_attention_shape.hpp"
#include "kernels/block/tile_attention_stage.hpp"

namespace talus::kernels::block {

/// Positions that are scored at a time.
struct TileStep {
  std::int32_t first = 0;
  std::int32_t count = 0;  ///< from this one on nobody sees them; may be more than a step has
  int slot = 0;            ///< of the stage
};

/// What a block works with, and a thread's own part.
template <AttentionShape Shape, class KvKind>
struct TileAttentionWork {
  using Kind = KvKind;
  using Stage = TileKvStage<Kind>;

  static constexpr AttentionShape shape = Shape;
  static constexpr auto num_left = static_cast<std::size_t>(Shape.warp_fragments());
  static constexpr auto num_scores = static_cast<std::size_t>(Shape.warp_scores());
  static constexpr auto num_values = static_cast<std::size_t>(Shape.warp_values());

  /// A fragment's two rows that a lane has, the lower one first.
  static constexpr std::size_t num_rows = 2;

  /// The positions that a row sees: [first, last].
  struct Seen {
    std::int32_t first = 0;
    std::int32_t last = -1;

    [[nodiscard]] TALUS_DEVICE bool has(std::int32_t position) const {
      return position >= first && position <= last;
    }
  };

  /// A lane's part of the weighted values.
  struct Values {
    SumFragment of[num_left][num_values];
  };

  /// A lane's part of a step's scores.
  struct Scores {
    SumFragment of[num_left][num_scores];
  };

  /// A number of each of a lane's rows.
  struct Rows {
    float of[num_left][num_rows];
  };

  AttentionTile tile;
  TileKvMemory staged;
  SharedSpan<std::uint16_t> queries;  ///< [queries, query_stride]
  SharedSpan<std::uint16_t> weights;  ///< [queries, weight_stride] times the values' scales
  SharedSpan<std::uint16_t> summed;   ///< the same without scales
  SharedSpan<float> maxima;           ///< [column_warps, queries]
  int lane = 0;
  int first_query = 0;  ///< of the warp
  int column = 0;       ///< of the warp, among those side by side
  Seen seen[num_left][num_rows];
  Values values{};                  ///< of the piece
  SumFragment sums[num_left] = {};  ///< of the piece's weights: the same in all columns
  Rows greatest;
  Values joined{};  ///< of the pieces before
  SoftmaxState state[num_left][num_rows];

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE TileAttentionWork
  make(Block& block, Stage const& stage, AttentionTile const& tile, std::int64_t window) {
    TileAttentionWork work;
    work.tile = tile;
    work.staged = stage.make(block);
    work.queries = shared_array<std::uint16_t>(block, Shape.queries() * stage.query_stride());
    work.weights = shared_array<std::uint16_t>(block, Shape.queries() * weight_stride);
    work.summed = work.weights;
    if constexpr (has_scales<Kind>) {
      work.summed = shared_array<std::uint16_t>(block, Shape.queries() * weight_stride);
    }
    work.maxima = shared_array<float>(block, Shape.exchanged_scores());
    int const warp = block.thread_index() / warp_size;
    work.lane = block.thread_index() % warp_size;
    work.first_query = warp / Shape.column_warps * Shape.warp_fragments() * fragment_outputs;
    work.column = warp % Shape.column_warps;
    each_row([&](std::size_t f, std::size_t half) {
      work.greatest.of[f][half] = no_score;
      int const query = work.query(f, half);
      if (query < tile.num_queries) {
        work.seen[f][half] = {static_cast<std::int32_t>(tile.first_seen(query, window)),
                              tile.position(query)};
      }
    });
    return work;
  }

  /// Which of the tile's queries a row is of.
  [[nodiscard]] TALUS_DEVICE int query(std::size_t f, std::size_t half) const {
    auto const row = static_cast<int>(f) * fragment_outputs + static_cast<int>(half) * 8;
    return first_query + row + lane / 4;
  }

  /// Which of the step's positions a score is of.
  [[nodiscard]] TALUS_DEVICE int position(std::size_t n, int k) const {
    int const fragment = column * Shape.warp_scores() + static_cast<int>(n);
    return fragment * fragment_rows + sum_row(lane, k);
  }

  /// function(fragment, half) of each of a lane's rows.
  template <class Function>
  static TALUS_DEVICE void each_row(Function const& function) {
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      TALUS_UNROLL
      for (std::size_t half = 0; half < num_rows; ++half) {
        function(f, half);
      }
    }
  }

  /// function(fragment, fragment of positions, register) of each of a lane's scores.
  template <class Function>
  static TALUS_DEVICE void each_score(Function const& function) {
    TALUS_UNROLL
    for (std::size_t f = 0; f < num_left; ++f) {
      TALUS_UNROLL
      for (std::size_t n = 0; n < num_scores; ++n) {
        TALUS_UNROLL
        for (int k = 0; k < 4; ++k) {
          function(f, n, k);
        }
      }
    }
  }

  /// function(fragment of values, register, element) of each of a row's values that a lane has.
  template <class Function>
  TALUS_DEVICE void each_value(std::size_t half, Function const& function) const {
    TALUS_UNROLL
    for (std::size_t n = 0; n < num_values; ++n) {
      TALUS_UNROLL
      for (int k = 0; k < 2; ++k) {
        int const fragment = column * Shape.warp_values() + static_cast<int>(n);
        function(n, static_cast<int>(half) * 2 + k, value_element<Kind>(fragment, lane, k));
      }
    }
  }
};

}  // namespace talus::kernels::block
