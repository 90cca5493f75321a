// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/math.hpp"
#include "kernels/block/softmax_state.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// What attention with tensor cores and without have in common.

namespace talus::kernels::block {

/// The numbers of AttentionHeads that kernels need.
struct AttentionScores {
  float scale = 1.0F;
  float soft_cap = 0.0F;
  std::int64_t window = 0;

  [[nodiscard]] TALUS_DEVICE float operator()(float product) const {
    float const score = product * scale;
    return soft_cap > 0.0F ? soft_cap * tanh(score / soft_cap) : score;
  }
};

/// Results of pieces of split tiles: of each row that a split sequence has room for, each head, and
/// each of the pieces that its tile sees.
struct AttentionPartials {
  GlobalSpan<float> greatest;  ///< [sequences, rows, heads, pieces]
  GlobalSpan<float> sums;      ///< the same
  GlobalSpan<float> values;    ///< the same, and [value_dim]
  std::int64_t rows = 0;
  std::int64_t heads = 0;
  std::int64_t pieces = 0;

  [[nodiscard]] TALUS_DEVICE std::int64_t place(AttentionTile const& tile,
                                                std::int32_t query,
                                                std::int64_t piece) const {
    std::int64_t const row = tile.sequence * rows + tile.row(query);
    return (row * heads + tile.head(query)) * pieces + piece - tile.first_piece;
  }
};

/// The softmax of a query with its sink, which has a score and no value.
template <class Block>
[[nodiscard]] TALUS_DEVICE JoinShares
join_sink(Block& block, GlobalSpan<float const> sinks, std::int64_t head, SoftmaxState& state) {
  if (sinks.size == 0) {
    return {1.0F, 0.0F};
  }
  return state.join({block.load(sinks, head), 1.0F});
}

/// What kernels of attention are given, but for where keys and values are.
///
/// Grid: tiles, pieces of split tiles, groups of heads. A block has all pieces of a tile, or, where
/// grid.y counts pieces, one of them.
struct AttentionTask {
  AttentionTiles tiles;
  AttentionScores scores;
  GlobalSpan<float const> sinks;
  MatrixView<float const> q;
  MatrixView<float> out;
  AttentionPartials partials;
  std::int64_t is_split = 0;  ///< 1: a block does one piece

  /// What a block does: pieces [first_piece, last_piece) of a tile.
  struct Share {
    AttentionTile tile;
    std::int32_t first_piece = 0;
    std::int32_t last_piece = 0;

    /// Blocks beyond a sequence's end have nothing to do.
    [[nodiscard]] TALUS_DEVICE bool is_empty() const { return first_piece >= last_piece; }
  };

  template <class Block>
  [[nodiscard]] TALUS_DEVICE Share share_of(Block& block) const {
    Dim3 const index = block.block_index();
    AttentionTile const tile = tiles.find(block, index.x, index.z);
    std::int32_t const first = tile.first_piece + static_cast<std::int32_t>(index.y);
    std::int32_t const last =
        is_split != 0 && first < tile.last_piece ? first + 1 : tile.last_piece;
    return {tile, first, last};
  }
};

/// Joins the pieces of split tiles, in order: the same bits as of a block that has them all.
///
/// Grid: tiles, queries of all groups of heads, pieces of a value. Block: a thread an element. No
/// shared memory.
struct JoinPieces {
  static constexpr char const* name = "talus::kernels::join_pieces";
  static constexpr int threads = 128;

  AttentionTiles tiles;
  AttentionPartials partials;
  GlobalSpan<float const> sinks;
  std::int64_t value_dim = 0;
  MatrixView<float> out;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    Dim3 const index = block.block_index();
    AttentionTile const tile = tiles.find(block, index.x, index.y / tiles.size);
    auto const query = static_cast<std::int32_t>(index.y % tiles.size);
    std::int64_t const d = index.z * threads + block.thread_index();
    if (query >= tile.num_queries || d >= value_dim) {
      return;
    }
    SoftmaxState state;
    float value = 0.0F;
    std::int64_t place = partials.place(tile, query, tile.first_piece);
    for (std::int32_t piece = tile.first_piece; piece < tile.last_piece; ++piece, ++place) {
      JoinShares const shares =
          state.join({block.load(partials.greatest, place), block.load(partials.sums, place)});
      value = join_values(value, block.load(partials.values, place * value_dim + d), shares);
    }
    JoinShares const sink = join_sink(block, sinks, tile.head(query), state);
    std::int64_t const j = tile.head(query) * value_dim + d;
    block.store(out, tile.first_row + tile.row(query), j, value * sink.older / state.sum);
  }
};

}  // namespace talus::kernels::block
