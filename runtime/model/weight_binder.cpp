// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weight_binder.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "io/checkpoint/convert.hpp"
#include "kernels/memory_source.hpp"
#include "runtime/model/matrix_sink.hpp"
#include "runtime/quantization/scale_table.hpp"

namespace talus::runtime {
namespace {

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

void demand_quantized(kernels::ExecContext const& exec,
                      kernels::PackedWeights& target,
                      CheckpointQuantization const& quantization,
                      TensorBlock const& block,
                      WeightDemands& demands) {
  auto table = demand_scales(quantization, quant_place(block), demands.scales);
  demands.weights.push_back(demand_codes(
      std::move(table),
      [exec, &target, block](kernels::QuantRows const& rows, kernels::MatrixOrigin origin) {
        put_quantized(exec, target, block, rows, origin);
      }));
}

}  // namespace

bool WeightBinder::is_filled_here(void const* target) const {
  return exec_.memory == nullptr || exec_.memory->is_filled_here(target);
}

bool WeightBinder::is_quantized(MatrixRole role, TensorBlock const& block) const {
  if (quantization_ == nullptr || (role == MatrixRole::head && !quantization_->quantizes_head) ||
      (role == MatrixRole::router && !quantization_->quantizes_router)) {
    return false;
  }
  return quantization_->covers(quant_place(block).module);
}

void WeightBinder::matrix(kernels::PackedWeights& target,
                          MatrixRole role,
                          kernels::MatrixOrigin size,
                          std::vector<TensorBlock> blocks) {
  DType const dtype = role == MatrixRole::router ? DType::f32 : dtype_;
  bytes_ += kernels::packed_bytes(exec_, size.row, size.col, dtype);
  std::vector<bool> quantized;
  for (TensorBlock const& block : blocks) {
    quantized.push_back(is_quantized(role, block));
    if (quantized.back()) {
      QuantPlace const place = quant_place(block);
      std::ranges::move(names_of(*quantization_, place), std::back_inserter(names_));
      std::ranges::move(spare_names_of(*quantization_, place), std::back_inserter(spare_names_));
    } else {
      names_.push_back(block.name);
    }
  }
  makers_.push_back(
      [this, &target, size, dtype, quantized, blocks = std::move(blocks)](WeightDemands& demands) {
        target = kernels::PackedWeights{exec_, size.row, size.col, dtype};
        for (std::size_t i = 0; i < blocks.size() && is_filled_here(target.data()); ++i) {
          if (quantized[i]) {
            demand_quantized(exec_, target, *quantization_, blocks[i], demands);
          } else {
            demands.weights.push_back(demand_plain(exec_, target, blocks[i]));
          }
        }
      });
}

void WeightBinder::vector(std::vector<float>& target,
                          std::int64_t size,
                          std::vector<VectorBlock> blocks,
                          float offset) {
  bytes_ += size * static_cast<std::int64_t>(sizeof(float));
  for (VectorBlock const& block : blocks) {
    names_.push_back(block.name);
  }
  makers_.push_back([&target, size, offset, blocks = std::move(blocks)](WeightDemands& demands) {
    target.resize(static_cast<std::size_t>(size));
    for (VectorBlock const& block : blocks) {
      io::TensorDemand demand;
      demand.name = block.name;
      demand.rows = {block.rows.first, block.rows.last};
      demand.expected = io::ExpectedShape{block.tensor_rows, block.tensor_cols};
      demand.sink = [&target, block, offset](io::TensorPiece const& piece) {
        put(target, block, offset, piece);
      };
      demands.weights.push_back(std::move(demand));
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
  makers_.push_back(
      [this, &target, name = std::move(name), rows, cols, columns](WeightDemands& demands) {
        target = kernels::RowTable{exec_, rows, columns.size(), dtype_};
        if (!is_filled_here(target.data())) {
          return;
        }
        io::TensorDemand demand;
        demand.name = name;
        demand.columns = {columns.first, columns.last};
        demand.expected = io::ExpectedShape{rows, cols};
        demand.sink = [exec = exec_, &target](io::TensorPiece const& piece) {
          target.set(exec, {piece.first_row, 0}, raw_rows(piece));
        };
        demands.weights.push_back(std::move(demand));
      });
}

WeightDemands WeightBinder::make_demands() {
  WeightDemands demands;
  for (auto const& make : makers_) {
    make(demands);
  }
  return demands;
}

}  // namespace talus::runtime
