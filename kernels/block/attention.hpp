// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/attention.hpp"
#include "kernels/block/attention_stage.hpp"
#include "kernels/block/attention_task.hpp"
#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/block/softmax_state.hpp"

namespace talus::kernels::block {

/// Attention of tiles of queries, without tensor cores.
///
/// Grid: as AttentionTask says. Block: four warps. Shared memory: the tile's queries, scores of a
/// piece, and a stage of 32 positions and 128 elements.
///
/// Orders: a score sums over elements in order, fused, and so do values over the positions of a
/// piece; the sum of a piece's weights is each lane's in order and then a warp's tree; pieces are
/// joined in order. So the bits of a query are its own.
template <class Kind>
struct Attention : AttentionTask {
  static constexpr char const* name = "talus::kernels::paged_attention";
  static constexpr int threads = attention_threads;
  static constexpr std::int64_t tile_size = tile_queries;
  static constexpr int num_warps = attention_threads / warp_size;
  static constexpr int warp_queries = tile_queries / num_warps;

  KvStage<Kind> stage;

  /// What a block works with.
  struct Work {
    AttentionTile tile;
    StageMemory<Kind> staged;
    SharedSpan<float> queries;       ///< [tile_queries, key_dim]
    SharedSpan<float> weights;       ///< [tile_queries, piece_positions], at first scores
    SharedSpan<std::uint32_t> seen;  ///< [piece_positions] bit i: whether query i sees it
    SharedSpan<float> older;         ///< [tile_queries] shares of the pieces before
    SharedSpan<float> newer;         ///< [tile_queries] shares of this one
    SharedSpan<float> divisor;       ///< [tile_queries] of the whole
    SharedSpan<float> with_sink;     ///< [tile_queries] what a sink leaves of the values
    SoftmaxState states[std::size_t{warp_queries}];  ///< of the queries of the thread's warp
  };

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    Share const share = share_of(block);
    if (share.is_empty()) {
      return;
    }
    Work work = begin(block, share.tile);
    load_queries(block, work);
    for (std::int64_t number = share.first_piece; number < share.last_piece; ++number) {
      note_seen(block, work, number);
      score(block, work, number);
      block.sync();
      weigh(block, work, number);
      block.sync();
      sum_values(block, work, number);
    }
  }

  [[nodiscard]] std::int64_t shared_bytes() const {
    return StageMemory<Kind>::bytes() +
           shared_bytes_of<float>(tile_queries * stage.layout.shape.key_dim) +
           shared_bytes_of<float>(tile_queries * piece_positions) +
           shared_bytes_of<std::uint32_t>(piece_positions) +
           4 * shared_bytes_of<float>(tile_queries);
  }

 private:
  template <class Block>
  TALUS_DEVICE Work begin(Block& block, AttentionTile const& tile) const {
    Work work{};
    work.tile = tile;
    work.staged = StageMemory<Kind>::make(block);
    work.queries = shared_array<float>(block, tile_queries * stage.layout.shape.key_dim);
    work.weights = shared_array<float>(block, tile_queries * piece_positions);
    work.seen = shared_array<std::uint32_t>(block, piece_positions);
    work.older = shared_array<float>(block, tile_queries);
    work.newer = shared_array<float>(block, tile_queries);
    work.divisor = shared_array<float>(block, tile_queries);
    work.with_sink = shared_array<float>(block, tile_queries);
    return work;
  }

  template <class Block>
  TALUS_DEVICE void load_queries(Block& block, Work const& work) const {
    std::int64_t const dim = stage.layout.shape.key_dim;
    for (std::int64_t i = block.thread_index(); i < work.tile.num_queries * dim;
         i += attention_threads) {
      auto const query = static_cast<int>(i / dim);
      std::int64_t const from = work.tile.head(query) * dim + i % dim;
      block.store(work.queries, i, block.load(q, work.tile.first_row + work.tile.row(query), from));
    }
  }

  /// The positions of a piece that a query sees: [first, last).
  struct Seen {
    std::int64_t first = 0;
    std::int64_t last = 0;

    [[nodiscard]] TALUS_DEVICE bool has(std::int64_t position) const {
      return position >= first && position < last;
    }
  };

  [[nodiscard]] TALUS_DEVICE Seen seen_by(AttentionTile const& tile, int query) const {
    return {tile.first_seen(query, scores.window), std::int64_t{tile.position(query)} + 1};
  }

  /// The end of what the tile sees of a piece.
  [[nodiscard]] static TALUS_DEVICE std::int64_t end_of(AttentionTile const& tile,
                                                        std::int64_t piece) {
    std::int64_t const last = std::int64_t{tile.position(tile.num_queries - 1)} + 1;
    std::int64_t const end = (piece + 1) * piece_positions;
    return last < end ? last : end;
  }

  /// Which queries see which positions of a piece.
  template <class Block>
  TALUS_DEVICE void note_seen(Block& block, Work const& work, std::int64_t piece) const {
    std::int64_t const begin = piece * piece_positions;
    for (std::int64_t i = block.thread_index(); i < end_of(work.tile, piece) - begin;
         i += attention_threads) {
      std::uint32_t bits = 0;
      for (int query = 0; query < work.tile.num_queries; ++query) {
        bool const is_seen = seen_by(work.tile, query).has(begin + i);
        bits |= static_cast<std::uint32_t>(is_seen ? 1 : 0) << query;
      }
      block.store(work.seen, i, bits);
    }
  }

  /// Scores of a piece: a lane has a position, a warp every fourth query.
  template <class Block>
  TALUS_DEVICE void score(Block& block, Work const& work, std::int64_t piece) const {
    int const lane = block.thread_index() % warp_size;
    int const warp = block.thread_index() / warp_size;
    std::int64_t const begin = piece * piece_positions;
    for (std::int64_t p = begin; p < end_of(work.tile, piece); p += stage_positions) {
      float sums[std::size_t{warp_queries}] = {};
      stage.find(block, tiles.rows, work.staged, work.tile, p, scores.window);
      for (std::int64_t d = 0; d < stage.layout.shape.key_dim; d += stage_elements) {
        stage.load_keys(block, work.staged, d);
        add_products(block, work, d, lane, warp, sums);
        block.sync();
      }
      for (int k = 0; k < warp_queries; ++k) {
        int const query = warp + k * num_warps;
        if (query < work.tile.num_queries) {
          block.store(work.weights, query * piece_positions + p - begin + lane, scores(sums[k]));
        }
      }
    }
  }

  /// Adds the products of the staged elements, from `d` on, to the sums of a lane's position.
  template <class Block>
  TALUS_DEVICE void add_products(Block& block,
                                 Work const& work,
                                 std::int64_t d,
                                 int lane,
                                 int warp,
                                 float (&sums)[std::size_t{warp_queries}]) const {
    std::int64_t const dim = stage.layout.shape.key_dim;
    std::int64_t const count = dim - d < stage_elements ? dim - d : stage_elements;
    for (std::int64_t i = 0; i < count; ++i) {
      float const key = stage.key(block, work.staged, lane, d, i);
      for (int k = 0; k < warp_queries; ++k) {
        int const query = warp + k * num_warps;
        if (query < work.tile.num_queries) {
          sums[k] = multiply_add(block.load(work.queries, query * dim + d + i), key, sums[k]);
        }
      }
    }
  }

  /// Makes weights of a piece's scores, and joins the piece to the ones before. A warp has every
  /// fourth query.
  template <class Block>
  TALUS_DEVICE void weigh(Block& block, Work& work, std::int64_t piece) const {
    int const lane = block.thread_index() % warp_size;
    int const warp = block.thread_index() / warp_size;
    for (int k = 0; k < warp_queries; ++k) {
      int const query = warp + k * num_warps;
      if (query >= work.tile.num_queries) {
        break;
      }
      SoftmaxState const own = softmax(block, work, piece, query, lane);
      if (is_split != 0) {
        store_softmax(block, work.tile, piece, query, lane, own);
        continue;
      }
      JoinShares const shares = work.states[k].join(own);
      SoftmaxState whole = work.states[k];
      JoinShares const sink = join_sink(block, sinks, work.tile.head(query), whole);
      if (lane == 0) {
        block.store(work.older, query, shares.older);
        block.store(work.newer, query, shares.newer);
        block.store(work.with_sink, query, sink.older);
        block.store(work.divisor, query, whole.sum);
      }
    }
  }

  /// The softmax of one query over a piece; its scores become weights.
  template <class Block>
  TALUS_DEVICE SoftmaxState
  softmax(Block& block, Work const& work, std::int64_t piece, int query, int lane) const {
    Seen const seen = seen_by(work.tile, query);
    std::int64_t const begin = piece * piece_positions;
    std::int64_t const row = query * piece_positions;
    SoftmaxState own;
    for (std::int64_t p = begin + lane; p < end_of(work.tile, piece); p += warp_size) {
      if (seen.has(p)) {
        own.greatest = maximum(block.load(work.weights, row + p - begin), own.greatest);
      }
    }
    own.greatest = warp_reduce<Maximum>(block, own.greatest);
    for (std::int64_t p = begin + lane; p < end_of(work.tile, piece); p += warp_size) {
      if (seen.has(p)) {
        float const weight = exp(block.load(work.weights, row + p - begin) - own.greatest);
        block.store(work.weights, row + p - begin, weight);
        own.sum += weight;
      }
    }
    own.sum = warp_reduce<Sum>(block, own.sum);
    return own;
  }

  template <class Block>
  TALUS_DEVICE void store_softmax(Block& block,
                                  AttentionTile const& tile,
                                  std::int64_t piece,
                                  int query,
                                  int lane,
                                  SoftmaxState const& own) const {
    if (lane == 0) {
      block.store(partials.greatest, partials.place(tile, query, piece), own.greatest);
      block.store(partials.sums, partials.place(tile, query, piece), own.sum);
    }
  }

  /// The weighted values of a piece: a thread has one element of all queries.
  template <class Block>
  TALUS_DEVICE void sum_values(Block& block, Work const& work, std::int64_t piece) const {
    std::int64_t const begin = piece * piece_positions;
    for (std::int64_t d = 0; d < stage.layout.shape.value_dim; d += stage_elements) {
      std::int64_t const own = d + block.thread_index();
      float sums[std::size_t{tile_queries}] = {};
      for (std::int64_t p = begin; p < end_of(work.tile, piece); p += stage_positions) {
        stage.find(block, tiles.rows, work.staged, work.tile, p, scores.window);
        stage.load_values(block, work.staged, d);
        if (own < stage.layout.shape.value_dim) {
          add_values(block, work, piece, p, sums);
        }
        block.sync();
      }
      if (own < stage.layout.shape.value_dim) {
        finish_values(block, work, piece, own, sums);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void add_values(Block& block,
                               Work const& work,
                               std::int64_t piece,
                               std::int64_t first,
                               float (&sums)[std::size_t{tile_queries}]) const {
    std::int64_t const end = end_of(work.tile, piece);
    for (int i = 0; i < stage_positions && first + i < end; ++i) {
      float const value = stage.value(block, work.staged, i, block.thread_index());
      std::int64_t const at = first + i - piece * piece_positions;
      std::uint32_t const seen = block.load(work.seen, at);
      for (int query = 0; query < tile_queries; ++query) {
        if ((seen >> query & 1U) != 0) {
          float const weight = block.load(work.weights, query * piece_positions + at);
          sums[query] = multiply_add(weight, value, sums[query]);
        }
      }
    }
  }

  /// Joins a piece's values to those before, and divides them in the end; or keeps them for
  /// JoinPieces. Until the end, `out` holds what was joined so far.
  template <class Block>
  TALUS_DEVICE void finish_values(Block& block,
                                  Work const& work,
                                  std::int64_t piece,
                                  std::int64_t d,
                                  float const (&sums)[std::size_t{tile_queries}]) const {
    std::int64_t const dim = stage.layout.shape.value_dim;
    for (int query = 0; query < tile_queries; ++query) {
      if (query >= work.tile.num_queries) {
        break;
      }
      if (is_split != 0) {
        std::int64_t const to = partials.place(work.tile, query, piece) * dim + d;
        block.store(partials.values, to, sums[query]);
        continue;
      }
      std::int64_t const t = work.tile.first_row + work.tile.row(query);
      std::int64_t const j = work.tile.head(query) * dim + d;
      float const before = piece == work.tile.first_piece ? 0.0F : block.load(out, t, j);
      JoinShares const shares{block.load(work.older, query), block.load(work.newer, query)};
      float const joined = join_values(before, sums[query], shares);
      bool const is_last = piece + 1 == work.tile.last_piece;
      float const scaled = joined * block.load(work.with_sink, query);
      block.store(out, t, j, is_last ? scaled / block.load(work.divisor, query) : joined);
    }
  }
};

}  // namespace talus::kernels::block
