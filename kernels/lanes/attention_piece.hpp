// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/lanes/attention_state.hpp"
#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The positions that a row sees: [first, last).
struct Visible {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

[[nodiscard]] inline Visible visible_to(AttentionCall const& call,
                                        QueryTile const& tile,
                                        std::int64_t row) {
  auto const s = static_cast<std::size_t>(tile.sequence);
  std::int64_t const last =
      call.batch.context[s] + tile.token_of(row) - call.batch.first_row[s] + 1;
  std::int64_t const window = call.heads.window;
  return {window > 0 ? std::max<std::int64_t>(0, last - window) : 0, last};
}

/// The scales of the keys and the values of 16 positions, where these are codes.
struct GroupScales {
  float const* keys;
  float const* values;
};

/// Groups of 16 positions of a piece that begins at `begin`; those in [first, last) are seen by
/// some row.
template <class Element>
struct Piece {
  static constexpr std::int64_t max_groups = piece_positions / num_lanes;

  std::int64_t begin = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  Element const* keys[max_groups];
  Element const* values[max_groups];
  Element const* keys_after[max_groups];  ///< of the piece that comes next, to be asked for
  GroupScales scales[max_groups];         ///< where elements are codes

  /// Groups of this piece that rows which see [visible.first, visible.last) need.
  [[nodiscard]] Visible groups_of(Visible visible) const {
    return {std::max(first, (visible.first - begin) / num_lanes),
            std::min(last, (visible.last - begin + num_lanes - 1) / num_lanes)};
  }
};

/// Where the scores of a piece are: that of a row and a position is
/// scores[row * row_stride + position * position_stride].
struct ScoreLayout {
  std::int64_t row_stride = 0;
  std::int64_t position_stride = 0;
};

/// Makes the scores of what a row doesn't see -infinity.
template <class Element>
void mask_scores(AttentionCall const& call,
                 QueryTile const& tile,
                 Piece<Element> const& piece,
                 ScoreLayout layout,
                 float* scores) {
  std::int64_t const first = piece.begin + piece.first * num_lanes;
  std::int64_t const last = piece.begin + piece.last * num_lanes;
  if (visible_to(call, tile, 0).last >= last &&
      visible_to(call, tile, tile.rows() - 1).first <= first) {
    return;
  }
  constexpr float hidden = -std::numeric_limits<float>::infinity();
  for (std::int64_t row = 0; row < tile.rows(); ++row) {
    Visible const visible = visible_to(call, tile, row);
    float* const of_row = scores + row * layout.row_stride;
    for (std::int64_t p = first; p < std::min(visible.first, last); ++p) {
      of_row[(p - piece.begin) * layout.position_stride] = hidden;
    }
    for (std::int64_t p = std::max(first, visible.last); p < last; ++p) {
      of_row[(p - piece.begin) * layout.position_stride] = hidden;
    }
  }
}

/// score -> soft_cap * tanh(score / soft_cap), of logarithms to base 2.
inline void cap_scores(float soft_cap, float* scores, std::int64_t count) {
  Lanes const cap = broadcast(soft_cap * log2_of_e);
  for (std::int64_t i = 0; i < count; i += num_lanes) {
    store(scores + i, cap * tanh(load(scores + i) / cap));
  }
}

/// Calls function(first row, std::integral_constant<int, number of rows>) for tiles of rows.
template <class Function>
[[gnu::always_inline]] inline void for_row_tiles(std::int64_t rows, Function const& function) {
  TileRows const tiles{rows};
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    std::int64_t const first = tiles.begin(t);
    with_tile_rows(tiles.begin(t + 1) - first, [&](auto tile_rows) { function(first, tile_rows); });
  }
}

/// Calls function(panel, std::integral_constant<int, number of panels>) for panels [first, last),
/// `Panels` at a time while there are as many.
template <int Panels, class Function>
[[gnu::always_inline]] inline void for_panels(std::int64_t first,
                                              std::int64_t last,
                                              Function const& function) {
  for (; first + Panels <= last; first += Panels) {
    function(first, std::integral_constant<int, Panels>{});
  }
  for (; first < last; ++first) {
    function(first, std::integral_constant<int, 1>{});
  }
}

}  // namespace talus::kernels::TALUS_TARGET
