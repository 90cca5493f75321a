// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

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
};

/// \param jobs  each with a result `y`
template <class Jobs>
[[nodiscard]] JobExtent extent_of(Jobs const& jobs) {
  JobExtent extent;
  for (auto const& job : jobs) {
    extent.rows = std::max(extent.rows, job.y.rows);
    extent.outputs = std::max(extent.outputs, job.y.cols);
  }
  return extent;
}

/// Calls visit(weights, first row, x, y) for each expert that has rows, with its rows of both.
template <class Visit>
void for_each_expert(MatrixView<float const> x,
                     std::span<std::int32_t const> offsets,
                     std::span<PackedWeights const> experts,
                     MatrixView<float> y,
                     Visit const& visit) {
  for (std::size_t e = 0; e < experts.size(); ++e) {
    std::int64_t const first = offsets[e];
    std::int64_t const rows = offsets[e + 1] - first;
    if (rows > 0) {
      visit(experts[e], first, rows_of(x, first, rows), rows_of(y, first, rows));
    }
  }
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
