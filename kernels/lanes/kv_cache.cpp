// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/kv_block.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// What a step stores, and where.
struct Storing {
  PagedBatch const& batch;
  MatrixView<float const> keys;
  MatrixView<float const> values;
  KvShape const& shape;
  KvBlocks blocks;
};

void write(float value, float* to) {
  *to = value;
}

void write(float value, std::uint16_t* to) {
  *to = float_to_bf16(value);
}

/// Writes `count` elements `step` apart.
template <class Element>
void write_row(float const* from, std::int64_t count, std::int64_t step, Element* to) {
  for (std::int64_t d = 0; d < count; ++d) {
    write(from[d], to + d * step);
  }
}

template <class Element>
void store_token(Storing const& storing, std::int64_t s, std::int64_t row, Element* cache) {
  auto const i = static_cast<std::size_t>(s);
  KvShape const& shape = storing.shape;
  std::int64_t const position = storing.batch.context[i] + row - storing.batch.first_row[i];
  std::int64_t const lane = position % num_lanes;
  for (std::int64_t h = 0; h < shape.num_heads; ++h) {
    float const* const key = storing.keys.data + row * storing.keys.row_stride + h * shape.key_dim;
    Element* const values = cache + storing.blocks.value_row(s, h, position);
    if (shape.value_in_key) {
      write_row(key, shape.key_dim, 1, values);
      continue;
    }
    Element* const panel = cache + storing.blocks.key_panel(s, h, position - lane);
    write_row(key, shape.key_dim, num_lanes, panel + lane);
    write_row(storing.values.data + row * storing.values.row_stride + h * shape.value_dim,
              shape.value_dim,
              1,
              values);
  }
}

template <class Element>
void store_all(ExecContext const& exec, Storing const& storing, std::byte* cache) {
  auto const cost = storing.keys.rows * storing.keys.cols;
  for_each(
      exec, "talus::kernels::store_kv", storing.batch.num_sequences(), cost, [&](std::int64_t s) {
        auto const i = static_cast<std::size_t>(s);
        for (std::int64_t row = storing.batch.first_row[i]; row < storing.batch.first_row[i + 1];
             ++row) {
          store_token(storing, s, row, reinterpret_cast<Element*>(cache));
        }
      });
}

}  // namespace

void store_kv(ExecContext const& exec,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache) {
  Storing const storing{batch, keys, values, cache.shape(), KvBlocks{cache, batch}};
  if (cache.shape().dtype == DType::f32) {
    store_all<float>(exec, storing, cache.data());
  } else {
    store_all<std::uint16_t>(exec, storing, cache.data());
  }
}

}  // namespace talus::kernels::TALUS_TARGET
