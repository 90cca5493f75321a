// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/backends.hpp"
#include "kernels/kokkos/lanes.hpp"
#include "kernels/kokkos/parallel.hpp"

namespace talus::kernels::kokkos {
namespace {

void normalize(float const* x, std::span<float const> weight, float epsilon, float* y) {
  std::int64_t const size = std::ssize(weight);
  Lanes squares = broadcast(0.0F);
  for (std::int64_t j = 0; j < size; j += num_lanes) {
    Lanes const values = load_some(x + j, size - j);
    squares = multiply_add(values, values, squares);
  }
  float const scale = 1.0F / std::sqrt(sum_of(squares) / static_cast<float>(size) + epsilon);
  for (std::int64_t j = 0; j < size; ++j) {
    y[j] = weight[static_cast<std::size_t>(j)] * (x[j] * scale);
  }
}

}  // namespace

void rms_norm(MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  std::int64_t const size = std::ssize(weight);
  for_each("talus::kernels::rms_norm", x.rows, x.rows * x.cols / 4, [&](std::int64_t t) {
    for (std::int64_t piece = 0; piece < x.cols; piece += size) {
      normalize(
          x.data + t * x.row_stride + piece, weight, epsilon, y.data + t * y.row_stride + piece);
    }
  });
}

}  // namespace talus::kernels::kokkos
