// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "kernels/packed_weights.hpp"
#include "runtime/model/shard.hpp"

/// \file
/// Which part of a checkpoint's tensor goes where in a rank's weights.

namespace talus::runtime {

/// How the outputs of a block lie in its tensor.
enum class OutputOrder {
  straight,
  alternating,  ///< gates at even places, ups at odd ones: put as all gates, then all ups
};

/// A block of a tensor, and where it goes in a packed matrix.
struct TensorBlock {
  std::string name;
  std::int64_t tensor_rows = 0;  ///< the whole tensor's shape, checked against the file
  std::int64_t tensor_cols = 0;
  Range rows;                     ///< of the tensor
  Range cols;                     ///< of the tensor
  kernels::MatrixOrigin origin;   ///< in the matrix, of the block's first element
  bool transposed = false;        ///< the block's rows become the matrix's columns
  std::int64_t stacked_cols = 0;  ///< each row of the tensor is a matrix of so many columns; 0: no
  OutputOrder order = OutputOrder::straight;
};

/// A block of a tensor, and where it goes in a vector; its rows follow one another.
struct VectorBlock {
  std::string name;
  std::int64_t tensor_rows = 0;
  std::int64_t tensor_cols = 1;
  Range rows;
  std::int64_t origin = 0;  ///< in the vector, of the block's first element
  OutputOrder order = OutputOrder::straight;
};

/// Rows of a tensor [tensor_rows, cols], to rows `at` and on of a matrix.
[[nodiscard]] TensorBlock rows_block(
    std::string name, std::int64_t tensor_rows, std::int64_t cols, Range rows, std::int64_t at);

/// Columns of a tensor [rows, tensor_cols], as a whole matrix.
[[nodiscard]] TensorBlock cols_block(std::string name,
                                     std::int64_t rows,
                                     std::int64_t tensor_cols,
                                     Range cols);

/// Rows of a vector of `size` elements, to elements `at` and on.
[[nodiscard]] VectorBlock vector_block(std::string name,
                                       std::int64_t size,
                                       Range rows,
                                       std::int64_t at);

/// `range` moved by `distance`.
[[nodiscard]] constexpr Range shifted(Range range, std::int64_t distance) noexcept {
  return {range.first + distance, range.last + distance};
}

/// Heads as the rows or columns of their components.
[[nodiscard]] constexpr Range spread(Range heads, std::int64_t head_dim) noexcept {
  return {heads.first * head_dim, heads.last * head_dim};
}

}  // namespace talus::runtime
