// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/backends.hpp"
#include "kernels/kokkos/lanes.hpp"
#include "kernels/kokkos/parallel.hpp"

namespace talus::kernels::kokkos {
namespace {

void widen_row(RowTable const& table, std::int64_t row, float* y) {
  std::int64_t const cols = table.cols();
  if (table.dtype() == DType::f32) {
    std::copy_n(reinterpret_cast<float const*>(table.data()) + row * cols, cols, y);
    return;
  }
  auto const* const from = reinterpret_cast<std::uint16_t const*>(table.data()) + row * cols;
  std::transform(from, from + cols, y, bf16_to_float);
}

}  // namespace

void add(MatrixView<float const> x, MatrixView<float> y) {
  for_each("talus::kernels::add", y.rows, y.rows * y.cols / num_lanes, [&](std::int64_t t) {
    float const* const from = x.data + t * x.row_stride;
    float* const to = y.data + t * y.row_stride;
    for (std::int64_t j = 0; j < y.cols; ++j) {
      to[j] += from[j];
    }
  });
}

void silu_mul(MatrixView<float const> x, MatrixView<float> y) {
  for_each("talus::kernels::silu_mul", y.rows, y.rows * y.cols, [&](std::int64_t t) {
    float const* const gates = x.data + t * x.row_stride;
    float const* const ups = gates + y.cols;
    float* const to = y.data + t * y.row_stride;
    Lanes const one = broadcast(1.0F);
    for (std::int64_t j = 0; j < y.cols; j += num_lanes) {
      std::int64_t const count = y.cols - j;
      Lanes const gate = load_some(gates + j, count);
      Lanes const up = load_some(ups + j, count);
      Lanes const silu = gate / (one + exp(broadcast(0.0F) - gate));
      store_some(to + j, silu * up, count);
    }
  });
}

void gather_rows(RowTable const& table, std::span<std::int32_t const> ids, MatrixView<float> y) {
  for_each("talus::kernels::gather_rows", y.rows, y.rows * y.cols / num_lanes, [&](std::int64_t t) {
    widen_row(table, ids[static_cast<std::size_t>(t)], y.data + t * y.row_stride);
  });
}

void select_rows(MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y) {
  for_each("talus::kernels::select_rows", y.rows, y.rows * y.cols / num_lanes, [&](std::int64_t t) {
    float const* const from = x.data + rows[static_cast<std::size_t>(t)] * x.row_stride;
    std::copy_n(from, x.cols, y.data + t * y.row_stride);
  });
}

}  // namespace talus::kernels::kokkos
