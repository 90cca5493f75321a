// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// A matrix whose rows are followed by as many unused elements as one likes: by four, or none, its
/// rows begin at multiples of 16 bytes if its columns are whole quads, which those of Matrix never
/// do.
struct Padded {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;
  std::vector<float> data;

  Padded(std::int64_t num_rows, std::int64_t num_cols, std::int64_t padding)
      : rows{num_rows},
        cols{num_cols},
        stride{num_cols + padding},
        data(static_cast<std::size_t>(rows * stride), -99.0F) {}

  [[nodiscard]] MatrixView<float> view() { return {data.data(), rows, cols, stride}; }

  [[nodiscard]] MatrixView<float const> view() const { return {data.data(), rows, cols, stride}; }

  /// The same bits, padding included.
  friend bool operator==(Padded const& a, Padded const& b) {
    return a.data.size() == b.data.size() &&
           (a.data.empty() ||
            std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(float)) == 0);
  }
};

inline Padded random_padded(std::int64_t rows,
                            std::int64_t cols,
                            std::int64_t padding,
                            unsigned seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<float> normal;
  Padded matrix{rows, cols, padding};
  for (std::int64_t t = 0; t < rows; ++t) {
    for (std::int64_t j = 0; j < cols; ++j) {
      matrix.data[static_cast<std::size_t>(t * matrix.stride + j)] = normal(engine);
    }
  }
  return matrix;
}

/// Weights of a norm, or a bias.
inline std::vector<float> random_vector(std::int64_t size, unsigned seed) {
  return random_padded(1, size, 0, seed).data;
}

}  // namespace talus::kernels
