// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weight_binder.hpp"

#include <cstring>
#include <utility>

#include "io/checkpoint/convert.hpp"

namespace talus::runtime {
namespace {

kernels::RawRows rows_of(io::TensorPiece const& piece) {
  return {piece.data, piece.dtype, piece.rows, piece.cols, piece.row_stride};
}

/// The piece with rows and columns exchanged, element by element of any size.
std::vector<std::byte> transpose(io::TensorPiece const& piece) {
  auto const size = static_cast<std::size_t>(size_of(piece.dtype));
  std::vector<std::byte> turned(static_cast<std::size_t>(piece.rows * piece.cols) * size);
  for (std::int64_t i = 0; i < piece.rows; ++i) {
    for (std::int64_t j = 0; j < piece.cols; ++j) {
      std::memcpy(turned.data() + static_cast<std::size_t>(j * piece.rows + i) * size,
                  piece.data + static_cast<std::size_t>(i * piece.row_stride + j) * size,
                  size);
    }
  }
  return turned;
}

/// The one row of a piece as the matrix that it is.
io::TensorPiece unstack(io::TensorPiece piece, std::int64_t cols) {
  piece.rows = piece.cols / cols;
  piece.cols = cols;
  piece.row_stride = cols;
  return piece;
}

/// Even rows, and then the odd ones from the middle of the block on.
void put_alternating(kernels::ExecContext const& exec,
                     kernels::PackedWeights& target,
                     kernels::MatrixOrigin origin,
                     kernels::RawRows const& rows) {
  std::int64_t const half = rows.rows / 2;
  kernels::RawRows even = rows;
  even.rows = half;
  even.row_stride = 2 * rows.row_stride;
  kernels::RawRows odd = even;
  odd.data += rows.row_stride * size_of(rows.dtype);
  target.set(exec, origin, even);
  target.set(exec, {origin.row + half, origin.col}, odd);
}

void put(kernels::ExecContext const& exec,
         kernels::PackedWeights& target,
         TensorBlock const& block,
         io::TensorPiece const& whole) {
  bool const is_stacked = block.stacked_cols > 0;
  io::TensorPiece const piece = is_stacked ? unstack(whole, block.stacked_cols) : whole;
  std::int64_t const offset = is_stacked ? 0 : piece.first_row - block.rows.first;
  if (!block.transposed) {
    target.set(exec, {block.origin.row + offset, block.origin.col}, rows_of(piece));
    return;
  }
  std::vector<std::byte> const turned = transpose(piece);
  kernels::RawRows const rows{turned.data(), piece.dtype, piece.cols, piece.rows, piece.rows};
  kernels::MatrixOrigin const origin{block.origin.row, block.origin.col + offset};
  if (block.order == OutputOrder::alternating) {
    put_alternating(exec, target, origin, rows);
  } else {
    target.set(exec, origin, rows);
  }
}

/// Puts a piece in its place in a vector.
void put(std::vector<float>& target,
         VectorBlock const& block,
         float offset,
         io::TensorPiece const& piece) {
  std::vector<float> values(static_cast<std::size_t>(piece.rows * piece.cols));
  io::convert_to_float(piece, {values.data(), piece.rows, piece.cols, piece.cols});
  auto const skipped =
      static_cast<std::size_t>((piece.first_row - block.rows.first) * block.tensor_cols);
  auto const half = static_cast<std::size_t>(block.rows.size() * block.tensor_cols / 2);
  auto const origin = static_cast<std::size_t>(block.origin);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t const from = skipped + i;
    bool const alternates = block.order == OutputOrder::alternating;
    std::size_t const to = alternates ? from % 2 * half + from / 2 : from;
    target[origin + to] = values[i] + offset;
  }
}

io::TensorDemand demand_of(TensorBlock const& block) {
  io::TensorDemand demand;
  demand.name = block.name;
  demand.rows = {block.rows.first, block.rows.last};
  demand.columns = {block.cols.first, block.cols.last};
  demand.expected = io::ExpectedShape{block.tensor_rows, block.tensor_cols};
  return demand;
}

}  // namespace

void WeightBinder::bind(kernels::PackedWeights& target,
                        std::int64_t out,
                        std::int64_t in,
                        DType dtype,
                        std::vector<TensorBlock> blocks) {
  bytes_ += kernels::packed_bytes(exec_, out, in, dtype);
  for (TensorBlock const& block : blocks) {
    names_.push_back(block.name);
  }
  makers_.push_back([this, &target, out, in, dtype, blocks = std::move(blocks)](
                        std::vector<io::TensorDemand>& demands) {
    target = kernels::PackedWeights{exec_, out, in, dtype};
    for (TensorBlock const& block : blocks) {
      io::TensorDemand demand = demand_of(block);
      demand.sink = [exec = exec_, &target, block](io::TensorPiece const& piece) {
        put(exec, target, block, piece);
      };
      demands.push_back(std::move(demand));
    }
  });
}

void WeightBinder::matrix(kernels::PackedWeights& target,
                          std::int64_t out,
                          std::int64_t in,
                          std::vector<TensorBlock> blocks) {
  bind(target, out, in, dtype_, std::move(blocks));
}

void WeightBinder::exact_matrix(kernels::PackedWeights& target,
                                std::int64_t out,
                                std::int64_t in,
                                std::vector<TensorBlock> blocks) {
  bind(target, out, in, DType::f32, std::move(blocks));
}

void WeightBinder::vector(std::vector<float>& target,
                          std::int64_t size,
                          std::vector<VectorBlock> blocks,
                          float offset) {
  bytes_ += size * static_cast<std::int64_t>(sizeof(float));
  for (VectorBlock const& block : blocks) {
    names_.push_back(block.name);
  }
  makers_.push_back(
      [&target, size, offset, blocks = std::move(blocks)](std::vector<io::TensorDemand>& demands) {
        target.resize(static_cast<std::size_t>(size));
        for (VectorBlock const& block : blocks) {
          io::TensorDemand demand;
          demand.name = block.name;
          demand.rows = {block.rows.first, block.rows.last};
          demand.expected = io::ExpectedShape{block.tensor_rows, block.tensor_cols};
          demand.sink = [&target, block, offset](io::TensorPiece const& piece) {
            put(target, block, offset, piece);
          };
          demands.push_back(std::move(demand));
        }
      });
}

void WeightBinder::table(kernels::RowTable& target,
                         std::string name,
                         std::int64_t rows,
                         std::int64_t cols,
                         Range columns) {
  bytes_ += rows * columns.size() * size_of(dtype_);
  names_.push_back(name);
  makers_.push_back([this, &target, name = std::move(name), rows, cols, columns](
                        std::vector<io::TensorDemand>& demands) {
    target = kernels::RowTable{exec_, rows, columns.size(), dtype_};
    io::TensorDemand demand;
    demand.name = name;
    demand.columns = {columns.first, columns.last};
    demand.expected = io::ExpectedShape{rows, cols};
    demand.sink = [exec = exec_, &target](io::TensorPiece const& piece) {
      target.set(exec, {piece.first_row, 0}, rows_of(piece));
    };
    demands.push_back(std::move(demand));
  });
}

std::vector<io::TensorDemand> WeightBinder::make_demands() {
  std::vector<io::TensorDemand> demands;
  for (auto const& make : makers_) {
    make(demands);
  }
  return demands;
}

}  // namespace talus::runtime
