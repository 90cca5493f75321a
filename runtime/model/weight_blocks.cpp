// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weight_blocks.hpp"

#include <utility>

namespace talus::runtime {

TensorBlock rows_block(
    std::string name, std::int64_t tensor_rows, std::int64_t cols, Range rows, std::int64_t at) {
  TensorBlock block;
  block.name = std::move(name);
  block.tensor_rows = tensor_rows;
  block.tensor_cols = cols;
  block.rows = rows;
  block.cols = {0, cols};
  block.origin = {at, 0};
  return block;
}

TensorBlock cols_block(std::string name, std::int64_t rows, std::int64_t tensor_cols, Range cols) {
  TensorBlock block;
  block.name = std::move(name);
  block.tensor_rows = rows;
  block.tensor_cols = tensor_cols;
  block.rows = {0, rows};
  block.cols = cols;
  return block;
}

VectorBlock vector_block(std::string name, std::int64_t size, Range rows, std::int64_t at) {
  VectorBlock block;
  block.name = std::move(name);
  block.tensor_rows = size;
  block.rows = rows;
  block.origin = at;
  return block;
}

}  // namespace talus::runtime
