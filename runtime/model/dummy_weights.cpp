// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/dummy_weights.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include <xxhash.h>

#include "runtime/base/assert.hpp"
#include "runtime/model/model_binder.hpp"
#include "runtime/model/weight_binder.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{4} << 20;
constexpr std::int64_t piece_row_multiple = 64;  // pieces end where panels of outputs do

/// Half the width of a uniform distribution of standard deviation 0.02, by 2^31.
constexpr float scale = 0.02F * 1.7320508F / 2147483648.0F;

/// The upper half of a float: bfloat16, rounded towards zero.
constexpr std::uint16_t to_bf16(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U);
}

/// What the random numbers of one row of one tensor are made from.
struct RowKey {
  std::uint32_t start;
  std::uint32_t blend;
};

RowKey key_of(std::uint64_t tensor, std::int64_t row) {
  auto const number = static_cast<std::uint64_t>(row);
  std::uint64_t const hash = XXH3_64bits_withSeed(&number, sizeof number, tensor);
  return {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32U)};
}

/// Multiplications and shifts of 32 bits only, without a branch: a loop over columns is vectors.
constexpr std::uint32_t hash_of(RowKey key, std::uint32_t column) {
  std::uint32_t x = key.start + column;
  x ^= x >> 16U;
  x *= 0x7FEB352DU;
  x ^= (x >> 15U) ^ key.blend;
  x *= 0x846CA68BU;
  return x ^ (x >> 16U);
}

void fill_row(RowKey key, std::int64_t first_column, std::span<std::uint16_t> out) {
  auto const first = static_cast<std::uint32_t>(first_column);
  auto const count = static_cast<std::uint32_t>(out.size());
  std::uint16_t* const to = out.data();
  for (std::uint32_t j = 0; j < count; ++j) {
    auto const drawn = static_cast<std::int32_t>(hash_of(key, first + j));
    to[j] = to_bf16(static_cast<float>(drawn) * scale);
  }
}

bool is_norm(std::string const& name) {
  return name.find("norm") != std::string::npos;
}

void fill(io::TensorDemand const& demand, DummyRule const& rule, std::vector<std::uint16_t>& slab) {
  TALUS_EXPECT(demand.expected.has_value());
  auto const end_of = [](std::int64_t last, std::int64_t extent) {
    return last == io::to_end ? extent : last;
  };
  std::int64_t const last_row = end_of(demand.rows.last, demand.expected->rows);
  std::int64_t const cols =
      end_of(demand.columns.last, demand.expected->columns) - demand.columns.first;
  std::int64_t const fitting = piece_bytes / 2 / std::max<std::int64_t>(cols, 1);
  std::int64_t const most_rows = std::max<std::int64_t>(
      fitting < piece_row_multiple ? fitting : fitting / piece_row_multiple * piece_row_multiple,
      1);
  std::uint64_t const tensor = XXH3_64bits(demand.name.data(), demand.name.size());
  auto const width = static_cast<std::size_t>(cols);
  for (std::int64_t row = demand.rows.first; row < last_row; row += most_rows) {
    std::int64_t const rows = std::min(most_rows, last_row - row);
    slab.resize(static_cast<std::size_t>(rows) * width);
    if (is_norm(demand.name)) {
      std::fill(slab.begin(), slab.end(), to_bf16(rule.norm));
    } else {
      for (std::int64_t i = 0; i < rows; ++i) {
        fill_row(key_of(tensor, row + i),
                 demand.columns.first,
                 {slab.data() + static_cast<std::size_t>(i) * width, width});
      }
    }
    demand.sink({.dtype = DType::bf16,
                 .first_row = row,
                 .rows = rows,
                 .cols = cols,
                 .row_stride = cols,
                 .data = reinterpret_cast<std::byte const*>(slab.data())});
  }
}

}  // namespace

void fill_with_dummies(std::span<io::TensorDemand const> demands, DummyRule const& rule) {
  std::vector<std::uint16_t> slab;
  for (io::TensorDemand const& demand : demands) {
    fill(demand, rule, slab);
  }
}

ModelWeights make_dummy_weights(kernels::ExecContext const& exec,
                                ModelSpec const& spec,
                                ShardPlace const& place,
                                WeightPrecision precision) {
  if (precision.keeps_codes && spec.quantization &&
      kernels::can_quantize(spec.quantization->format)) {
    precision.quantize_to = spec.quantization->format;
  }
  WeightBinder binder{exec, precision, nullptr};
  ModelWeights weights;
  bind_model(binder, spec, place, weights);
  // A family that adds to its norms' weights stores them less that.
  fill_with_dummies(binder.make_demands().weights, {.norm = 1.0F - spec.norm_offset});
  publish_vectors(exec, binder, weights);
  return weights;
}

}  // namespace talus::runtime
