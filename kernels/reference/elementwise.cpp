// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/detail/elements.hpp"
#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {

void add(ExecContext const&, MatrixView<float const> x, MatrixView<float> y, float factor) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t j = 0; j < y.cols; ++j) {
      y.data[t * y.row_stride + j] += factor * x.data[t * x.row_stride + j];
    }
  }
}

void add_bias(ExecContext const&, std::span<float const> bias, MatrixView<float> y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t j = 0; j < y.cols; ++j) {
      y.data[t * y.row_stride + j] += bias[static_cast<std::size_t>(j)];
    }
  }
}

void scale_and_cap(ExecContext const&, float factor, float cap, MatrixView<float> y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t j = 0; j < y.cols; ++j) {
      float& value = y.data[t * y.row_stride + j];
      value *= factor;
      value = cap > 0.0F ? cap * std::tanh(value / cap) : value;
    }
  }
}

void gather_rows(ExecContext const&,
                 RowTable const& table,
                 std::span<std::int32_t const> ids,
                 MatrixView<float> y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    std::int64_t const first = ids[static_cast<std::size_t>(t)] * table.cols();
    for (std::int64_t j = 0; j < y.cols; ++j) {
      y.data[t * y.row_stride + j] = detail::load_element(table.data(), table.dtype(), first + j);
    }
  }
}

void select_rows(ExecContext const&,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    float const* const from = x.data + rows[static_cast<std::size_t>(t)] * x.row_stride;
    std::copy(from, from + x.cols, y.data + t * y.row_stride);
  }
}

}  // namespace talus::kernels::reference
