// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/lanes/attention_tile.hpp"
#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The query of row `row` of a tile: rows are ordered by token, then by head.
[[nodiscard]] inline float const* query_row(AttentionCall const& call,
                                            QueryTile const& tile,
                                            std::int64_t row) {
  std::int64_t const num_heads = tile.last_head - tile.first_head;
  std::int64_t const token = tile.first_token + row / num_heads;
  std::int64_t const head = tile.first_head + row % num_heads;
  return call.q.data + token * call.q.row_stride + head * call.cache.shape().key_dim;
}

/// Copies the scaled queries: as rows, or for a latent as panels with the rows as lanes.
inline void copy_queries(AttentionCall const& call,
                         QueryTile const& tile,
                         AttentionScratch& scratch) {
  std::int64_t const dim = call.cache.shape().key_dim;
  bool const panels = call.cache.shape().value_in_key;
  std::int64_t const padded = panels ? (tile.rows() + num_lanes - 1) / num_lanes * num_lanes : 0;
  std::fill_n(scratch.queries, padded * dim, 0.0F);
  for (std::int64_t row = 0; row < tile.rows(); ++row) {
    float const* const from = query_row(call, tile, row);
    float* const to = panels ? scratch.queries + row / num_lanes * num_lanes * dim + row % num_lanes
                             : scratch.queries + row * dim;
    std::int64_t const step = panels ? num_lanes : 1;
    for (std::int64_t d = 0; d < dim; ++d) {
      to[d * step] = from[d] * call.heads.scale;
    }
  }
}

/// Scores of all rows with a panel of keys; the lanes are positions.
template <class Element>
void score_panel(
    Element const* keys, std::int64_t dim, std::int64_t rows, float const* queries, float* scores) {
  TileRows const tiles{rows};
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    std::int64_t const first = tiles.begin(t);
    with_tile_rows(tiles.begin(t + 1) - first, [&](auto tile_rows) {
      Tile<tile_rows(), 1> tile{};
      tile.accumulate(TileInput{queries + first * dim, dim, 1},
                      TileWeights<Element>{keys, 0, num_lanes},
                      0,
                      dim);
      for (int r = 0; r < tile_rows(); ++r) {
        store(scores + (first + r) * piece_positions, tile.sums[r][0]);
      }
    });
  }
}

/// Sixteen latents as float32 rows.
inline float const* widen_rows(float const* rows, std::int64_t, float*) {
  return rows;
}

inline float const* widen_rows(std::uint16_t const* rows, std::int64_t dim, float* wide) {
  std::transform(rows, rows + num_lanes * dim, wide, bf16_to_float);
  return wide;
}

/// Scores of all rows with sixteen latents; the lanes are rows of queries, so that one reading of a
/// latent serves sixteen heads and nothing need be transposed but the scores.
template <class Element>
void score_latents(Element const* latents,
                   std::int64_t dim,
                   std::int64_t rows,
                   AttentionScratch& scratch,
                   float* scores) {
  float const* const keys = widen_rows(latents, dim, scratch.keys);
  TileRows const tiles{num_lanes};
  for (std::int64_t panel = 0; panel < rows; panel += num_lanes) {
    std::int64_t const count = std::min<std::int64_t>(num_lanes, rows - panel);
    for (std::int64_t t = 0; t < tiles.count(); ++t) {
      std::int64_t const first = tiles.begin(t);
      with_tile_rows(tiles.begin(t + 1) - first, [&](auto positions) {
        Tile<positions(), 1> tile{};
        tile.accumulate(TileInput{keys + first * dim, dim, 1},
                        TileWeights<float>{scratch.queries + panel * dim, 0, num_lanes},
                        0,
                        dim);
        for (int p = 0; p < positions(); ++p) {
          float column[num_lanes];
          store(column, tile.sums[p][0]);
          for (std::int64_t row = 0; row < count; ++row) {
            scores[(panel + row) * piece_positions + first + p] = column[row];
          }
        }
      });
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
