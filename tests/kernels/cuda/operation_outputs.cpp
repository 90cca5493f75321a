// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/operation_outputs.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/block/tile_attention_shape.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

/// Orders within an instruction, over some thousand inputs.
constexpr float product_tolerance = 1e-5F;

/// The same in scores, whose weights are then rounded to bfloat16: one that is near the middle of
/// two of its numbers may become the other one.
constexpr float attention_tolerance = 0x1p-8F;

float float_at(std::span<std::byte const> bytes, std::size_t i) {
  float value = 0.0F;
  std::memcpy(&value, &bytes[i * sizeof value], sizeof value);
  return value;
}

/// Of all rows, with what lies between them.
template <class T>
std::span<T> elements_of(MatrixView<T> const& y) {
  bool const is_empty = y.rows == 0 || y.cols == 0;
  return {y.data, is_empty ? 0 : static_cast<std::size_t>((y.rows - 1) * y.row_stride + y.cols)};
}

template <class Cache>
auto bytes_of(Cache& cache) {
  return std::span{cache.data(), static_cast<std::size_t>(block::bytes_of(cache))};
}

/// Bit by bit; but what is no number has other bits on a card than on a processor.
bool is_same_float(float got, float wanted) {
  return std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(wanted) ||
         (std::isnan(got) && std::isnan(wanted));
}

/// The first byte of what differs; the end where nothing does.
std::size_t first_difference(std::span<std::byte const> got,
                             std::span<std::byte const> wanted,
                             bool are_floats) {
  auto const first = static_cast<std::size_t>(
      std::mismatch(got.begin(), got.end(), wanted.begin()).first - got.begin());
  if (!are_floats || first == got.size()) {
    return first;
  }
  for (std::size_t i = first / sizeof(float); i < got.size() / sizeof(float); ++i) {
    if (!is_same_float(float_at(got, i), float_at(wanted, i))) {
      return std::max(first, i * sizeof(float));
    }
  }
  return got.size();
}

}  // namespace

/// The greatest difference, as a part of the greatest value; infinite where one is no number.
float OperationOutputs::relative_difference(Output const& got, std::span<std::byte const> wanted) {
  float greatest = 1e-30F;
  float worst = 0.0F;
  for (std::size_t i = 0; i < wanted.size() / sizeof(float); ++i) {
    float const value = float_at(wanted, i);
    if (got.has(i) && std::isfinite(value)) {
      greatest = std::max(greatest, std::fabs(value));
    }
    if (is_same_float(float_at(got.bytes, i), value)) {
      continue;
    }
    float const apart = std::fabs(float_at(got.bytes, i) - value);
    if (!std::isfinite(apart) || !got.has(i)) {
      return INFINITY;
    }
    worst = std::max(worst, apart);
  }
  return worst / greatest;
}

void OperationOutputs::add(MatrixView<float> const& y) {
  std::span<float> const elements = elements_of(y);
  if (!elements.empty()) {
    bool const is_row = y.rows == 1;
    outputs_.push_back(
        {std::as_writable_bytes(elements), true, is_row ? 1 : y.cols, is_row ? 1 : y.row_stride});
  }
}

void OperationOutputs::add(MatrixView<float const> const& x) {
  inputs_.push_back(std::as_bytes(elements_of(x)));
}

void OperationOutputs::add(std::span<MatrixView<float> const> const& matrices) {
  for (MatrixView<float> const& y : matrices) {
    add(y);
  }
}

void OperationOutputs::add(std::span<float> const& values) {
  if (!values.empty()) {
    outputs_.push_back({std::as_writable_bytes(values), true});
  }
}

void OperationOutputs::add(std::span<std::int32_t> const& values) {
  outputs_.push_back({std::as_writable_bytes(values), false});
}

void OperationOutputs::add(std::span<std::int64_t> const& values) {
  outputs_.push_back({std::as_writable_bytes(values), false});
}

void OperationOutputs::add(KvCache& cache) {
  outputs_.push_back({bytes_of(cache), false});
}

void OperationOutputs::add(KvCache const& cache) {
  inputs_.push_back(bytes_of(cache));
  if (block::has_tiles(cache.shape())) {
    tolerance_ = std::max(tolerance_, attention_tolerance);
  }
}

void OperationOutputs::add(SummarizedLogits const& rows) {
  add(rows.logits);
  add(rows.maxima);
  add(rows.sums);
}

void OperationOutputs::add(LogitSummary const& summary) {
  add(summary.maxima);
  add(summary.sums);
}

void OperationOutputs::add(ChoiceOrder const& order) {
  add(order.offsets);
  add(order.token_rows);
  add(order.choice_rows);
}

void OperationOutputs::add(LatentRows const& rows) {
  add(rows.absorbed);
}

void OperationOutputs::add(std::span<JointProduct const> const& products) {
  for (JointProduct const& product : products) {
    add(*product.w);
    add(product.y);
  }
}

void OperationOutputs::add(PackedWeights const& w) {
  bool const are_floats = w.codes() && w.codes()->format.kind == QuantKind::fp8_e4m3;
  if (w.dtype() == DType::bf16 || are_floats) {
    tolerance_ = std::max(tolerance_, product_tolerance);
  }
}

void OperationOutputs::add(std::span<PackedWeights const> const& weights) {
  for (PackedWeights const& w : weights) {
    add(w);
  }
}

std::vector<std::vector<std::byte>> OperationOutputs::contents() const {
  std::vector<std::vector<std::byte>> all;
  for (Output const& output : outputs_) {
    all.emplace_back(output.bytes.begin(), output.bytes.end());
  }
  return all;
}

std::vector<std::span<std::byte const>> OperationOutputs::memory() const {
  std::vector<std::span<std::byte const>> all = inputs_;
  for (Output const& output : outputs_) {
    all.emplace_back(output.bytes);
  }
  return all;
}

void OperationOutputs::put_back(std::vector<std::vector<std::byte>> const& contents) const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    std::copy(contents[i].begin(), contents[i].end(), outputs_[i].bytes.begin());
  }
}

std::string OperationOutputs::difference(std::vector<std::vector<std::byte>> const& wanted) const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output const& output = outputs_[i];
    std::size_t const first = first_difference(output.bytes, wanted[i], output.is_float);
    if (first == output.bytes.size()) {
      continue;
    }
    float const apart = output.is_float ? relative_difference(output, wanted[i]) : INFINITY;
    if (apart < tolerance_) {
      continue;
    }
    std::string const where =
        concat("output ", i, ", from byte ", first, " of ", output.bytes.size(), " on");
    return output.is_float ? concat(where, ", by ", apart, " of the greatest") : where;
  }
  return "";
}

}  // namespace talus::kernels::cuda
