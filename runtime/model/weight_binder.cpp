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

void put(kernels::ExecContext const& exec,
         kernels::PackedWeights& target,
         TensorBlock const& block,
         io::TensorPiece const& piece) {
  std::int64_t const offset = piece.first_row - block.rows.first;
  if (block.transposed) {
    std::vector<std::byte> const turned = transpose(piece);
    target.set(exec,
               {block.origin.row, block.origin.col + offset},
               {turned.data(), piece.dtype, piece.cols, piece.rows, piece.rows});
  } else {
    target.set(exec, {block.origin.row + offset, block.origin.col}, rows_of(piece));
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

void WeightBinder::vector(std::vector<float>& target, std::string name, std::int64_t size) {
  bytes_ += size * static_cast<std::int64_t>(sizeof(float));
  names_.push_back(name);
  makers_.push_back(
      [&target, name = std::move(name), size](std::vector<io::TensorDemand>& demands) {
        target.resize(static_cast<std::size_t>(size));
        io::TensorDemand demand;
        demand.name = name;
        demand.expected = io::ExpectedShape{size, 1};
        demand.sink = [&target](io::TensorPiece const& piece) {
          io::convert_to_float(piece, {target.data() + piece.first_row, piece.rows, 1, 1});
        };
        demands.push_back(std::move(demand));
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
