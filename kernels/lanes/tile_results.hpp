// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/lanes/tile.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Where the sums of a tile go.

namespace talus::kernels::TALUS_TARGET {

template <int Rows, int Panels>
[[gnu::always_inline]] inline void store_tile(Tile<Rows, Panels> const& tile,
                                              MatrixView<float> y,
                                              std::int64_t row,
                                              std::int64_t panel) {
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) {
      std::int64_t const column = (panel + p) * num_lanes;
      store_some(y.data + (row + r) * y.row_stride + column, tile.sums[r][p], y.cols - column);
    }
  }
}

/// older = older + newer.
template <int Rows, int Panels>
[[gnu::always_inline]] inline void fold(Tile<Rows, Panels>& older,
                                        Tile<Rows, Panels> const& newer) {
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int p = 0; p < Panels; ++p) {
      older.sums[r][p] = older.sums[r][p] + newer.sums[r][p];
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
