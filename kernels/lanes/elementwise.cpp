// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {
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

void add(ExecContext const& exec, MatrixView<float const> x, MatrixView<float> y, float factor) {
  for_each(exec, "talus::kernels::add", y.rows, y.rows * y.cols / num_lanes, [&](std::int64_t t) {
    float const* const from = x.data + t * x.row_stride;
    float* const to = y.data + t * y.row_stride;
    for (std::int64_t j = 0; j < y.cols; ++j) {
      to[j] += factor * from[j];
    }
  });
}

void add_bias(ExecContext const& exec, std::span<float const> bias, MatrixView<float> y) {
  for_each(
      exec, "talus::kernels::add_bias", y.rows, y.rows * y.cols / num_lanes, [&](std::int64_t t) {
        float* const to = y.data + t * y.row_stride;
        for (std::int64_t j = 0; j < y.cols; ++j) {
          to[j] += bias[static_cast<std::size_t>(j)];
        }
      });
}

void scale_and_cap(ExecContext const& exec, float factor, float cap, MatrixView<float> y) {
  for_each(exec, "talus::kernels::scale_and_cap", y.rows, y.rows * y.cols, [&](std::int64_t t) {
    float* const row = y.data + t * y.row_stride;
    for (std::int64_t j = 0; j < y.cols; j += num_lanes) {
      Lanes const scaled = load_some(row + j, y.cols - j) * broadcast(factor);
      Lanes const limit = broadcast(cap);
      store_some(row + j, cap > 0.0F ? limit * tanh(scaled / limit) : scaled, y.cols - j);
    }
  });
}

void gather_rows(ExecContext const& exec,
                 RowTable const& table,
                 std::span<std::int32_t const> ids,
                 MatrixView<float> y) {
  for_each(exec,
           "talus::kernels::gather_rows",
           y.rows,
           y.rows * y.cols / num_lanes,
           [&](std::int64_t t) {
             widen_row(table, ids[static_cast<std::size_t>(t)], y.data + t * y.row_stride);
           });
}

void select_rows(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y) {
  for_each(exec,
           "talus::kernels::select_rows",
           y.rows,
           y.rows * y.cols / num_lanes,
           [&](std::int64_t t) {
             float const* const from = x.data + rows[static_cast<std::size_t>(t)] * x.row_stride;
             std::copy_n(from, x.cols, y.data + t * y.row_stride);
           });
}

}  // namespace talus::kernels::TALUS_TARGET
