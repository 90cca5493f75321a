// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "kernels/detail/elements.hpp"
#include "kernels/lanes/functions.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr std::int64_t panel_outputs = PackedWeights::panel_outputs;

/// Columns that are turned at a time: a cache line of bfloat16 from each row.
constexpr std::int64_t strip = 32;

/// Row `row`, columns [first, first + count), as float32.
void read_row(
    RawRows const& rows, std::int64_t row, std::int64_t first, std::int64_t count, float* to) {
  std::int64_t const index = row * rows.row_stride + first;
  if (rows.dtype == DType::f32) {
    std::memcpy(to,
                rows.data + index * size_of(DType::f32),
                static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t j = 0; j < count; ++j) {
    to[j] = detail::load_element(rows.data, rows.dtype, index + j);
  }
}

void round(float const* from, std::int64_t count, std::uint16_t* to) {
  std::transform(from, from + count, to, float_to_bf16);
}

void round(float const* from, std::int64_t count, float* to) {
  std::copy_n(from, count, to);
}

/// Rows [first, last) of `rows`, which lie in one panel of the matrix; `panel` points to column
/// origin.col of that panel.
template <class Weight>
void pack_panel(
    RawRows const& rows, std::int64_t first, std::int64_t last, std::int64_t lane, Weight* panel) {
  Weight turned[panel_outputs][strip];
  float wide[strip];
  for (std::int64_t col = 0; col < rows.cols; col += strip) {
    std::int64_t const count = std::min(strip, rows.cols - col);
    for (std::int64_t row = first; row < last; ++row) {
      Weight* const to = turned[row - first];
      if (rows.dtype == DType::bf16 && std::is_same_v<Weight, std::uint16_t>) {
        std::memcpy(to,
                    rows.data + (row * rows.row_stride + col) * size_of(DType::bf16),
                    static_cast<std::size_t>(count) * sizeof(Weight));
      } else {
        read_row(rows, row, col, count, wide);
        round(wide, count, to);
      }
    }
    for (std::int64_t j = 0; j < count; ++j) {
      Weight* const to = panel + (col + j) * panel_outputs + lane;
      for (std::int64_t i = 0; i < last - first; ++i) {
        to[i] = turned[i][j];
      }
    }
  }
}

template <class Weight>
void pack(WeightStore const& store, MatrixOrigin origin, RawRows const& rows) {
  auto* const weights = reinterpret_cast<Weight*>(store.data);
  std::int64_t row = 0;
  while (row < rows.rows) {
    std::int64_t const output = origin.row + row;
    std::int64_t const lane = output % panel_outputs;
    std::int64_t const last = std::min(rows.rows, row + panel_outputs - lane);
    Weight* const panel = weights + (output - lane) * store.in + origin.col * panel_outputs;
    pack_panel(rows, row, last, lane, panel);
    row = last;
  }
}

}  // namespace

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  std::int64_t const panels = (out + panel_outputs - 1) / panel_outputs;
  return panels * panel_outputs * in * size_of(dtype);
}

void pack_rows(WeightStore const& store, MatrixOrigin origin, RawRows const& rows) {
  if (store.dtype == DType::f32) {
    pack<float>(store, origin, rows);
  } else {
    pack<std::uint16_t>(store, origin, rows);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
