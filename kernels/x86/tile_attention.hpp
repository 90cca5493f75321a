// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "kernels/lanes/attention_weights.hpp"
#include "kernels/x86/latent_panel.hpp"
#include "kernels/x86/tile_layout.hpp"
#include "kernels/x86/tile_registers.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Attention of a tile over a piece of a bfloat16 cache in the tile registers of AMX, grouped-query
/// and latent: queries and weights rounded to bfloat16, products of 32 inputs (of 16 positions)
/// summed in float32.
///
/// The cache's words of two inputs and two positions are what these registers want on the right:
/// keys and values go from memory to them as they are. Only latents, which serve as both, are
/// turned into keys first, once for all rows.
template <class Element>
class TilePiece {
 public:
  static constexpr std::int64_t positions = piece_positions;

  /// Whether the cache's shape fits. All rows of a run take the same way.
  [[nodiscard]] static bool fits(KvShape const& shape) {
    return shape.dtype == DType::bf16 && shape.key_dim % tile_inputs == 0 &&
           shape.value_dim % tile_outputs == 0 &&
           (!shape.value_in_key || shape.key_dim * positions <= 2 * AttentionScratch::key_floats);
  }

  [[nodiscard]] static std::int64_t positions_of(KvShape const&) { return positions; }

  TilePiece(AttentionCall const& call, QueryTile const& tile, AttentionScratch& scratch)
      : call_{call},
        tile_{tile},
        scratch_{scratch},
        weights_{call, tile, scratch},
        shape_{call.cache.shape()},
        left_queries_{reinterpret_cast<std::uint16_t*>(scratch.queries)},
        left_weights_{reinterpret_cast<std::uint16_t*>(scratch.columns)},
        latent_keys_{reinterpret_cast<std::uint16_t*>(scratch.keys)} {}

  void copy_queries() {
    for (std::int64_t row = 0; row < tile_.rows(); ++row) {
      float const* const from = call_.q.data + tile_.token_of(row) * call_.q.row_stride +
                                tile_.head_of(row) * shape_.key_dim;
      std::uint16_t* const to = left_queries_ + row * shape_.key_dim;
      for (std::int64_t d = 0; d < shape_.key_dim; d += num_lanes) {
        store_bf16(to + d, load(from + d));
      }
    }
  }

  void start(RowSums& sums) { weights_.start(sums); }

  /// Adds a piece to the sums of its segment; `is_first` where there is nothing yet.
  void add(Piece<Element> const& piece, bool is_first, RowSums& sums) {
    for_tiles_of_rows([&](std::int64_t row, auto tiles) { score<tiles()>(piece, row); });
    scale_scores(piece);
    weights_.weigh(piece, sums);
    round_weights(piece);
    for_tiles_of_rows([&](std::int64_t row, auto tiles) {
      if (!is_first) {
        scale_sums(row, rows_at(row, tiles()), sums);
      }
      add_values<tiles()>(piece, row, is_first, sums);
    });
  }

  void finish(RowSums& sums) { weights_.finish(sums); }

 private:
  // Tiles 0 to 3 hold sums.
  static constexpr int max_tiles = 4;
  static constexpr int queries_tile = 4;
  static constexpr int keys_tile = 5;
  static constexpr int weights_tile = 6;
  static constexpr int values_tile = 7;
  static_assert(sizeof AttentionScratch::columns >=
                max_query_rows * positions * sizeof(std::uint16_t));

  /// Calls function(first row, std::integral_constant<int, number of tiles>): whole tiles of
  /// sixteen rows, then one of the rest.
  template <class Function>
  void for_tiles_of_rows(Function const& function) {
    std::int64_t row = 0;
    for (; row + max_tiles * tile_rows <= tile_.rows(); row += max_tiles * tile_rows) {
      function(row, std::integral_constant<int, max_tiles>{});
    }
    for (; row < tile_.rows(); row += tile_rows) {
      function(row, std::integral_constant<int, 1>{});
    }
  }

  [[nodiscard]] std::int64_t rows_at(std::int64_t row, int tiles) const {
    return std::min(tiles * tile_rows, tile_.rows() - row);
  }

  void configure(std::int64_t rows) {
    auto const left = static_cast<std::uint8_t>(std::min(rows, tile_rows));
    constexpr std::uint8_t right = tile_rows;
    tiles_.configure({.rows = {left, left, left, left, left, right, left, right / 2},
                      .row_bytes = {64, 64, 64, 64, 64, 64, 32, 64}});
  }

  template <int Tiles, class Function>
  [[gnu::always_inline]] static void for_each_tile(Function const& function) {
    [&]<int... T>(std::integer_sequence<int, T...>) {
      (function(std::integral_constant<int, T>{}), ...);
    }
    (std::make_integer_sequence<int, Tiles>{});
  }

  /// Adds the products of `Tiles` tiles of rows, `stride` elements from one row to the next, with
  /// what tile `Right` holds.
  template <int Tiles, int Left, int Right>
  [[gnu::always_inline]] void multiply(std::uint16_t const* left, std::int64_t stride) {
    constexpr std::int64_t bytes = sizeof(std::uint16_t);
    for_each_tile<Tiles>([&](auto t) {
      tiles_.template load<Left>(left + t() * tile_rows * stride, stride * bytes);
      tiles_.template multiply<t(), Left, Right>();
    });
  }

  /// Keys of a group: [key_dim / 2, 16, 2].
  [[nodiscard]] std::uint16_t const* keys_of(Piece<Element> const& piece, std::int64_t group) {
    return shape_.value_in_key ? latent_keys_ + group * num_lanes * shape_.key_dim
                               : piece.keys[group];
  }

  /// What a group's score waits for, and what will be wanted soon.
  void prepare(Piece<Element> const& piece, std::int64_t group) {
    if (shape_.value_in_key) {
      std::int64_t const offset = group * num_lanes * shape_.key_dim;
      LatentPanel::fill(piece.values[group], shape_.key_dim, latent_keys_ + offset);
    } else {
      ask_for(piece.values[group], num_lanes * shape_.value_dim);
      ask_for(piece.keys_after[group], num_lanes * shape_.key_dim);
    }
  }

  /// The blocks of a sequence lie anywhere, and the processor's own prefetching stops where one
  /// ends.
  static void ask_for(std::uint16_t const* elements, std::int64_t count) {
    constexpr std::int64_t line = 64 / sizeof(std::uint16_t);
    for (std::int64_t i = 0; i < count; i += line) {
      __builtin_prefetch(elements + i, 0, 3);
    }
  }

  template <int Tiles>
  void score(Piece<Element> const& piece, std::int64_t row) {
    std::int64_t const rows = rows_at(row, Tiles);
    std::int64_t const end = visible_to(call_, tile_, row + rows - 1).last;
    configure(rows);
    for (std::int64_t group = piece.first; group < piece.last; ++group) {
      if (row == 0) {
        prepare(piece, group);
      }
      if (piece.begin + group * num_lanes >= end) {
        continue;
      }
      std::uint16_t const* const keys = keys_of(piece, group);
      for_each_tile<Tiles>([&](auto t) { tiles_.template zero<t()>(); });
      for (std::int64_t d = 0; d < shape_.key_dim; d += tile_inputs) {
        tiles_.template load<keys_tile>(keys + d * num_lanes, 64);
        multiply<Tiles, queries_tile, keys_tile>(left_queries_ + row * shape_.key_dim + d,
                                                 shape_.key_dim);
      }
      float* const scores = scratch_.scores + row * positions + group * num_lanes;
      for_each_tile<Tiles>([&](auto t) {
        tiles_.template store<t()>(scores + t() * tile_rows * positions, positions * 4);
      });
    }
  }

  /// Calls function(scores of a row's group, the same place among the rounded weights).
  template <class Function>
  void for_scores(Piece<Element> const& piece, Function const& function) {
    for (std::int64_t row = 0; row < tile_.rows(); ++row) {
      for (std::int64_t group = piece.first; group < piece.last; ++group) {
        std::int64_t const place = row * positions + group * num_lanes;
        function(scratch_.scores + place, left_weights_ + place);
      }
    }
  }

  void scale_scores(Piece<Element> const& piece) {
    Lanes const scale = broadcast(call_.heads.scale * log2_of_e);
    for_scores(piece, [&](float* scores, std::uint16_t*) { store(scores, load(scores) * scale); });
  }

  void round_weights(Piece<Element> const& piece) {
    for_scores(piece, [](float const* weights, std::uint16_t* rounded) {
      store_bf16(rounded, load(weights));
    });
  }

  /// What the rows' raised maxima leave of older sums.
  void scale_sums(std::int64_t first, std::int64_t rows, RowSums const& sums) {
    for (std::int64_t row = first; row < first + rows; ++row) {
      Lanes const share = broadcast(scratch_.share[row]);
      float* const values = sums.values + row * sums.stride;
      for (std::int64_t column = 0; column < shape_.value_dim; column += num_lanes) {
        store(values + column, load(values + column) * share);
      }
    }
  }

  template <int Tiles>
  void add_values(Piece<Element> const& piece,
                  std::int64_t row,
                  bool is_first,
                  RowSums const& sums) {
    std::int64_t const rows = rows_at(row, Tiles);
    std::int64_t const row_elements = 2 * (shape_.value_in_key ? shape_.key_dim : shape_.value_dim);
    std::int64_t const tile_stride = tile_rows * sums.stride;
    Visible const groups = piece.groups_of(
        {visible_to(call_, tile_, row).first, visible_to(call_, tile_, row + rows - 1).last});
    configure(rows);
    for (std::int64_t column = 0; column < shape_.value_dim; column += tile_outputs) {
      float* const out = sums.values + row * sums.stride + column;
      for_each_tile<Tiles>([&](auto t) {
        is_first ? tiles_.template zero<t()>()
                 : tiles_.template load<t()>(out + t() * tile_stride, sums.stride * 4);
      });
      for (std::int64_t group = groups.first; group < groups.last; ++group) {
        tiles_.template load<values_tile>(piece.values[group] + 2 * column, 2 * row_elements);
        multiply<Tiles, weights_tile, values_tile>(
            left_weights_ + row * positions + group * num_lanes, positions);
      }
      for_each_tile<Tiles>(
          [&](auto t) { tiles_.template store<t()>(out + t() * tile_stride, sums.stride * 4); });
    }
  }

  AttentionCall const& call_;
  QueryTile const& tile_;
  AttentionScratch& scratch_;
  RowWeights<Element> weights_;
  KvShape shape_;
  std::uint16_t* left_queries_;  ///< [rows, key_dim]
  std::uint16_t* left_weights_;  ///< [rows, positions]
  std::uint16_t* latent_keys_;   ///< [groups, key_dim / 2, 16, 2]
  TileRegisters tiles_;
};

}  // namespace talus::kernels::TALUS_TARGET
