// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weight_binder.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "io/checkpoint/convert.hpp"
#include "kernels/code_order.hpp"
#include "kernels/memory_source.hpp"
#include "runtime/base/error.hpp"
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

/// A block on its way to its matrix.
struct BlockTarget {
  kernels::PackedWeights& matrix;
  TensorBlock block;
  std::optional<kernels::QuantStorage> storage;
};

/// Whether outputs that share scales in the tensor are [k outputs, (k + 1) outputs) of the matrix.
bool has_blocks_in_place(TensorBlock const& block, std::int64_t outputs) {
  return block.stacked_cols == 0 && block.order == OutputOrder::straight &&
         (block.origin.row - block.rows.first) % outputs == 0;
}

void demand_codes_of(kernels::ExecContext const& exec,
                     BlockTarget const& to,
                     CheckpointQuantization const& quantization,
                     WeightDemands& demands) {
  auto table = demand_scales(quantization, quant_place(to.block), demands.scales);
  demands.weights.push_back(demand_codes(
      std::move(table), [exec, to](kernels::QuantRows const& rows, kernels::MatrixOrigin origin) {
        if (to.storage) {
          put_codes(exec, to.matrix, to.block, rows, origin);
        } else {
          put_dequantized(exec, to.matrix, to.block, rows, origin);
        }
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

DType WeightBinder::scale_type(TensorBlock const& block) const {
  TensorPart const scales = scales_of(*quantization_, quant_place(block));
  io::TensorInfo const* const tensor =
      checkpoint_ == nullptr ? nullptr : checkpoint_->find(scales.name);
  return tensor != nullptr && tensor->dtype ? stored_scale_type(*quantization_, *tensor->dtype)
                                            : usual_scale_type(*quantization_);
}

kernels::QuantStorage WeightBinder::checkpoint_storage(
    std::vector<TensorBlock> const& blocks) const {
  kernels::QuantStorage storage{quantization_->format, scale_type(blocks.front()), 0};
  for (TensorBlock const& block : blocks) {
    if (scale_type(block) != storage.scales) {
      storage.scales = DType::f32;
    }
  }
  return storage;
}

std::optional<kernels::QuantStorage> WeightBinder::storage_of(
    std::string const& name, MatrixRole role, std::vector<TensorBlock> const& blocks) const {
  if (role == MatrixRole::plain || role == MatrixRole::router) {
    return std::nullopt;
  }
  auto const is_coded = [&](TensorBlock const& block) { return is_quantized(role, block); };
  std::optional<kernels::QuantStorage> storage;
  if (precision_.quantize_to) {
    bool const is_head = role == MatrixRole::head;
    storage = {
        is_head ? head_format(*precision_.quantize_to) : *precision_.quantize_to, DType::bf16, 0};
  } else if (precision_.keeps_codes && !quantization_->act_order &&
             std::ranges::all_of(blocks, is_coded)) {
    storage = checkpoint_storage(blocks);
    if (scale_types_) {
      storage->scales = scale_types_(name).value_or(storage->scales);
    }
  }
  if (storage && storage->format.group > 0 && blocks.front().stacked_cols == 0) {
    storage->col_phase = blocks.front().cols.first % storage->format.group;
  }
  if (storage) {
    storage->may_be_rows =
        part_ != WeightPart::experts && std::ranges::all_of(blocks, [&](TensorBlock const& b) {
          return has_blocks_in_place(b, storage->format.block_outputs);
        });
  }
  return storage;
}

std::string WeightBinder::unique_name(std::string const& tensor) {
  int const use = uses_[tensor]++;
  return use == 0 ? tensor : concat(tensor, '[', use, ']');
}

void WeightBinder::add(BoundWeight weight) {
  bytes_ += weight.bytes;
  weight.part = part_;
  bound_.push_back(std::move(weight));
}

void WeightBinder::matrix(kernels::PackedWeights& target,
                          MatrixRole role,
                          kernels::MatrixOrigin size,
                          std::vector<TensorBlock> blocks) {
  BoundWeight weight;
  weight.name = unique_name(blocks.front().name);
  MatrixPlan plan{role == MatrixRole::router ? DType::f32 : precision_.dtype,
                  storage_of(weight.name, role, blocks),
                  {}};
  for (TensorBlock const& block : blocks) {
    plan.are_codes.push_back(is_quantized(role, block));
    note_names(block, plan);
  }
  if (plan.storage) {
    auto const order = kernels::code_order(exec_, size.row, size.col, *plan.storage);
    weight.type =
        concat(name_of(plan.storage->format), order == kernels::CodeOrder::rows ? " in rows" : "");
    weight.scales = plan.storage->scales;
    weight.bytes = kernels::packed_bytes(exec_, size.row, size.col, *plan.storage);
  } else {
    weight.type = name_of(plan.dtype);
    weight.bytes = kernels::packed_bytes(exec_, size.row, size.col, plan.dtype);
  }
  weight.allocate = [exec = exec_, &target, size, plan](kernels::Contents contents) {
    target = plan.storage
                 ? kernels::PackedWeights{exec, size.row, size.col, *plan.storage, contents}
                 : kernels::PackedWeights{exec, size.row, size.col, plan.dtype, contents};
  };
  weight.memory = [&target] { return target.memory(); };
  weight.demand = [this, &target, plan, blocks = std::move(blocks)](WeightDemands& demands) {
    if (is_filled_here(target.data())) {
      demand_blocks(target, plan, blocks, demands);
    }
  };
  add(std::move(weight));
}

void WeightBinder::note_names(TensorBlock const& block, MatrixPlan const& plan) {
  if (plan.are_codes.back()) {
    QuantPlace const place = quant_place(block);
    std::ranges::move(names_of(*quantization_, place), std::back_inserter(names_));
    std::ranges::move(spare_names_of(*quantization_, place), std::back_inserter(spare_names_));
    return;
  }
  names_.push_back(block.name);
  if (plan.storage) {
    quantized_blocks_.push_back({block, plan.storage->format});
  }
}

void WeightBinder::demand_blocks(kernels::PackedWeights& target,
                                 MatrixPlan const& plan,
                                 std::vector<TensorBlock> const& blocks,
                                 WeightDemands& demands) const {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (plan.are_codes[i]) {
      demand_codes_of(exec_, {target, blocks[i], plan.storage}, *quantization_, demands);
    } else if (plan.storage) {
      demands.weights.push_back(demand_quantizing(exec_, target, blocks[i], plan.storage->format));
    } else {
      demands.weights.push_back(demand_plain(exec_, target, blocks[i]));
    }
  }
}

void WeightBinder::vector(std::vector<float>& target,
                          std::int64_t size,
                          std::vector<VectorBlock> blocks,
                          float offset) {
  for (VectorBlock const& block : blocks) {
    names_.push_back(block.name);
  }
  BoundWeight weight;
  weight.name = unique_name(blocks.front().name);
  weight.type = name_of(DType::f32);
  weight.bytes = size * size_of(DType::f32);
  weight.is_vector = true;
  weight.allocate = [&target, size](kernels::Contents) {
    target.resize(static_cast<std::size_t>(size));
  };
  weight.memory = [&target] { return std::as_writable_bytes(std::span{target}); };
  weight.demand = [&target, offset, blocks = std::move(blocks)](WeightDemands& demands) {
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
  };
  add(std::move(weight));
}

void WeightBinder::table(kernels::RowTable& target,
                         std::string name,
                         std::int64_t rows,
                         std::int64_t cols,
                         Range columns) {
  names_.push_back(name);
  BoundWeight weight;
  weight.name = unique_name(name);
  weight.type = name_of(precision_.dtype);
  weight.bytes = rows * columns.size() * size_of(precision_.dtype);
  weight.allocate =
      [exec = exec_, dtype = precision_.dtype, &target, rows, columns](kernels::Contents) {
        target = kernels::RowTable{exec, rows, columns.size(), dtype};
      };
  weight.memory = [&target] { return target.memory(); };
  weight.demand =
      [this, &target, name = std::move(name), rows, cols, columns](WeightDemands& demands) {
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
      };
  add(std::move(weight));
}

WeightDemands WeightBinder::make_demands() {
  WeightDemands demands;
  for (BoundWeight const& weight : bound_) {
    weight.allocate(kernels::Contents::zeros);
    weight.demand(demands);
  }
  return demands;
}

}  // namespace talus::runtime
