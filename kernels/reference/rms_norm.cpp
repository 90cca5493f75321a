// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/backends.hpp"

namespace talus::kernels::reference {

void rms_norm(MatrixView<float const> x,
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

}  // namespace talus::kernels::reference
