// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numeric>

#include "kernels/reference/functions.hpp"

namespace talus::kernels::reference {

void rms_norm(ExecContext const&,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  std::int64_t const size = std::ssize(weight);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t piece = 0; piece < x.cols; piece += size) {
      float const* const in = x.data + t * x.row_stride + piece;
      float* const out = y.data + t * y.row_stride + piece;

      float sum_of_squares = 0.0F;
      for (std::int64_t j = 0; j < size; ++j) {
        sum_of_squares += in[j] * in[j];
      }
      float const scale = 1.0F / std::sqrt(sum_of_squares / static_cast<float>(size) + epsilon);
      for (std::int64_t j = 0; j < size; ++j) {
        out[j] = weight[static_cast<std::size_t>(j)] * (in[j] * scale);
      }
    }
  }
}

void square_sums(ExecContext const&,
                 MatrixView<float const> x,
                 std::int64_t head_dim,
                 MatrixView<float> sums) {
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t h = 0; h < sums.cols; ++h) {
      float const* const head = x.data + t * x.row_stride + h * head_dim;
      float sum = 0.0F;
      for (std::int64_t j = 0; j < head_dim; ++j) {
        sum += head[j] * head[j];
      }
      sums.data[t * sums.row_stride + h] = sum;
    }
  }
}

void scale_by_sums(ExecContext const&,
                   MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x) {
  for (std::int64_t t = 0; t < x.rows; ++t) {
    float const* const parts = sums.data + t * sums.row_stride;
    float const sum = std::accumulate(parts, parts + sums.cols, 0.0F);
    float const scale = 1.0F / std::sqrt(sum / static_cast<float>(norm.size) + norm.epsilon);
    for (std::int64_t j = 0; j < x.cols; ++j) {
      float& value = x.data[t * x.row_stride + j];
      value = weight[static_cast<std::size_t>(j)] * (value * scale);
    }
  }
}

}  // namespace talus::kernels::reference
