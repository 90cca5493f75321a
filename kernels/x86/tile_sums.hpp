// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/lanes/lanes.hpp"
#include "kernels/x86/tile_layout.hpp"
#include "kernels/x86/tile_registers.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Sums that come from tiles: up to two tiles of rows of x (halves) by some panels, half by half.

namespace talus::kernels::TALUS_TARGET {

/// Rows of x that share a pass over the weights: two tiles.
inline constexpr std::int64_t max_rows = 2 * tile_rows;

/// Sums of one tile.
using TileSums = float[tile_rows][tile_outputs];

/// Rows of x in one pass.
struct RowTile {
  std::int64_t first = 0;
  std::int64_t count = 0;

  RowTile(std::int64_t tile, std::int64_t rows)
      : first{tile * max_rows}, count{std::min(max_rows, rows - tile * max_rows)} {}

  /// Rows of its first or second tile.
  [[nodiscard]] std::int64_t rows_of(std::int64_t half) const {
    return std::clamp<std::int64_t>(count - half * tile_rows, 0, tile_rows);
  }
};

/// The tiles of a pass but for its weights': sums in tiles 0 to 3, x in tiles 4 and 5.
template <int Halves, int Panels>
[[nodiscard]] TileShapes shapes_without_weights(RowTile const& rows) {
  TileShapes shapes;
  for (int half = 0; half < Halves; ++half) {
    auto const count = static_cast<std::uint8_t>(rows.rows_of(half));
    for (int p = 0; p < Panels; ++p) {
      shapes.rows[half * Panels + p] = count;
    }
    shapes.rows[4 + half] = count;
  }
  return shapes;
}

/// Sums of the tiles of a pass.
template <int Halves, int Panels>
struct PassSums {
  static constexpr int count = Halves * Panels;

  alignas(64) TileSums tiles[std::size_t{count}];
};

/// older = older + newer.
template <int Halves, int Panels>
void fold(PassSums<Halves, Panels>& older, PassSums<Halves, Panels> const& newer) {
  for (std::size_t tile = 0; tile < older.count; ++tile) {
    for (std::int64_t row = 0; row < tile_rows; ++row) {
      float* const sums = older.tiles[tile][row];
      store(sums, load(sums) + load(newer.tiles[tile][row]));
    }
  }
}

/// Where results of a pass go.
struct ResultPlace {
  RowTile rows;
  std::int64_t panel = 0;       ///< the first one
  std::int64_t row_offset = 0;  ///< of the pass's product in the results
};

template <int Halves, int Panels>
void store_results(ResultPlace const& place,
                   PassSums<Halves, Panels> const& sums,
                   MatrixView<float> y) {
  for (int half = 0; half < Halves; ++half) {
    std::int64_t const first = place.row_offset + place.rows.first + half * tile_rows;
    for (std::int64_t r = 0; r < place.rows.rows_of(half); ++r) {
      float* const row = y.data + (first + r) * y.row_stride;
      for (int p = 0; p < Panels; ++p) {
        std::int64_t const column = (place.panel + p) * tile_outputs;
        store_some(row + column, load(sums.tiles[half * Panels + p][r]), y.cols - column);
      }
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
