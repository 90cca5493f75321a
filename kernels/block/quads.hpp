// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Rows of floats, four at a time: the most that a thread reads in one instruction.

namespace talus::kernels::block {

inline constexpr std::int64_t quad = 4;

using Quad = Vector<float, quad>;

/// A matrix that is read or written by quads.
template <class T>
struct QuadMatrix {
  MatrixView<T> view;
  bool is_aligned = false;  ///< every quad begins at a multiple of 16 bytes
};

template <class T>
[[nodiscard]] QuadMatrix<T> by_quads(MatrixView<T> view) {
  bool const rows_are = view.rows < 2 || view.row_stride % quad == 0;
  return {view, reinterpret_cast<std::uintptr_t>(view.data) % sizeof(Quad) == 0 && rows_are};
}

/// A vector of the host's as a row of quads; empty: no columns.
template <class Device>
[[nodiscard]] QuadMatrix<float const> row_of(Device& device, std::span<float const> vector) {
  if (vector.empty()) {
    return {};
  }
  auto const size = std::ssize(vector);
  return by_quads(MatrixView<float const>{device.upload(vector).data, 1, size, size});
}

/// Quads of a row, the last of which may be partial.
[[nodiscard]] constexpr std::int64_t num_quads(std::int64_t cols) {
  return ceil_div(cols, quad);
}

[[nodiscard]] TALUS_DEVICE inline Quad plus(Quad const& a, Quad const& b) {
  Quad sums;
  for (int k = 0; k < quad; ++k) {
    sums[k] = a[k] + b[k];
  }
  return sums;
}

/// Elements [j, j + 4) of row t, zeros beyond the row. j is a multiple of 4 behind one that is
/// aligned.
template <class Block, class T>
[[nodiscard]] TALUS_DEVICE Quad
load_quad(Block& block, QuadMatrix<T> const& x, std::int64_t t, std::int64_t j) {
  if (x.is_aligned && j + quad <= x.view.cols) {
    return block.load(x.view, t, j, width<quad>);
  }
  Quad result{};
  for (int k = 0; k < quad; ++k) {
    if (j + k < x.view.cols) {
      result[k] = block.load(x.view, t, j + k);
    }
  }
  return result;
}

/// Elements [j, j + 4) of row t, those that the row has.
template <class Block>
TALUS_DEVICE void store_quad(
    Block& block, QuadMatrix<float> const& y, std::int64_t t, std::int64_t j, Quad const& values) {
  if (y.is_aligned && j + quad <= y.view.cols) {
    block.store(y.view, t, j, values);
    return;
  }
  for (int k = 0; k < quad; ++k) {
    if (j + k < y.view.cols) {
      block.store(y.view, t, j + k, values[k]);
    }
  }
}

}  // namespace talus::kernels::block
