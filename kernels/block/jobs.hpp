// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/block/expert_tiles.hpp"
#include "kernels/matmul.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// What operations of many products, each of its own weights, are cut into: the same whether the
/// weights are numbers or codes.

namespace talus::kernels::block {

/// The most rows and outputs of any job.
struct JobExtent {
  std::int64_t rows = 0;
  std::int64_t outputs = 0;

  [[nodiscard]] constexpr bool is_empty() const { return rows == 0 || outputs == 0; }

  /// Rows that a tile is chosen for.
  [[nodiscard]] constexpr std::int64_t usual_rows(ExpertRows const& experts) const {
    return experts.is_empty() ? rows
                              : block::usual_rows(experts.expected_of(rows), experts.num_experts());
  }

  /// Tiles that are launched.
  [[nodiscard]] constexpr std::int64_t row_tiles(ExpertRows const& experts,
                                                 std::int64_t tile_rows) const {
    return experts.is_empty() ? ceil_div(rows, tile_rows)
                              : most_tiles(rows, experts.num_experts(), tile_rows);
  }
};

/// \param jobs  each with a result `y`
template <class List>
[[nodiscard]] JobExtent extent_of(List const& jobs) {
  JobExtent extent;
  for (auto const& job : jobs) {
    extent.rows = std::max(extent.rows, job.y.rows);
    extent.outputs = std::max(extent.outputs, job.y.cols);
  }
  return extent;
}

/// Calls visit(weights, head, x, y) for each head, with its columns of both.
template <class Visit>
void for_each_head(MatrixView<float const> x,
                   std::span<PackedWeights const> heads,
                   HeadStrides const& strides,
                   MatrixView<float> y,
                   Visit const& visit) {
  std::int64_t h = 0;
  for (PackedWeights const& w : heads) {
    visit(w,
          h,
          columns_of(x, h * strides.in_stride + strides.in_offset, w.in()),
          columns_of(y, h * strides.out_stride, w.out()));
    ++h;
  }
}

}  // namespace talus::kernels::block
