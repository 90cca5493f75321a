// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numeric>

#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

float square_sum(float const* x, std::int64_t size) {
  Lanes squares = broadcast(0.0F);
  for (std::int64_t j = 0; j < size; j += num_lanes) {
    Lanes const values = load_some(x + j, size - j);
    squares = multiply_add(values, values, squares);
  }
  return sum_of(squares);
}

void normalize(float const* x, std::span<float const> weight, float epsilon, float* y) {
  std::int64_t const size = std::ssize(weight);
  float const scale = 1.0F / std::sqrt(square_sum(x, size) / static_cast<float>(size) + epsilon);
  for (std::int64_t j = 0; j < size; ++j) {
    y[j] = weight[static_cast<std::size_t>(j)] * (x[j] * scale);
  }
}

}  // namespace

void rms_norm(ExecContext const& exec,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  std::int64_t const size = std::ssize(weight);
  for_each(exec, "talus::kernels::rms_norm", x.rows, x.rows * x.cols / 4, [&](std::int64_t t) {
    for (std::int64_t piece = 0; piece < x.cols; piece += size) {
      normalize(
          x.data + t * x.row_stride + piece, weight, epsilon, y.data + t * y.row_stride + piece);
    }
  });
}

void square_sums(ExecContext const& exec,
                 MatrixView<float const> x,
                 std::int64_t head_dim,
                 MatrixView<float> sums) {
  for_each(exec, "talus::kernels::square_sums", x.rows, x.rows * x.cols / 8, [&](std::int64_t t) {
    float const* const row = x.data + t * x.row_stride;
    for (std::int64_t h = 0; h < sums.cols; ++h) {
      sums.data[t * sums.row_stride + h] = square_sum(row + h * head_dim, head_dim);
    }
  });
}

void scale_by_sums(ExecContext const& exec,
                   MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x) {
  for_each(exec, "talus::kernels::scale_by_sums", x.rows, x.rows * x.cols / 8, [&](std::int64_t t) {
    float const* const parts = sums.data + t * sums.row_stride;
    float const sum = std::accumulate(parts, parts + sums.cols, 0.0F);
    float const scale = 1.0F / std::sqrt(sum / static_cast<float>(norm.size) + norm.epsilon);
    float* const row = x.data + t * x.row_stride;
    for (std::int64_t j = 0; j < x.cols; ++j) {
      row[j] = weight[static_cast<std::size_t>(j)] * (row[j] * scale);
    }
  });
}

}  // namespace talus::kernels::TALUS_TARGET
