// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

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

/// Writes a row of values, or a latent, into the words of its group of 16 positions. The first one
/// of a group clears the others, so that attention may read whole groups.
template <class Element>
void write_values(float const* from, std::int64_t count, std::int64_t lane, Element* group) {
  constexpr int width = word_elements<Element>;
  if (lane == 0) {
    std::fill_n(group, num_lanes * count, Element{});
  }
  write_row(from, count, width, group + lane / width * width * count + lane % width);
}

/// Writes a key into its lane of a panel.
template <class Element>
void write_key(float const* from, std::int64_t count, std::int64_t lane, Element* panel) {
  constexpr int width = word_elements<Element>;
  for (std::int64_t d = 0; d < count; ++d) {
    write(from[d], panel + (d / width * num_lanes + lane) * width + d % width);
  }
}

template <class Element>
void store_token(
    Storing const& storing, std::int64_t s, std::int64_t head, std::int64_t row, Element* cache) {
  auto const i = static_cast<std::size_t>(s);
  KvShape const& shape = storing.shape;
  std::int64_t const position = storing.batch.context[i] + row - storing.batch.first_row[i];
  std::int64_t const lane = position % num_lanes;
  std::int64_t const group = position - lane;
  float const* const key = storing.keys.data + row * storing.keys.row_stride + head * shape.key_dim;
  Element* const values = cache + storing.blocks.value_rows(s, head, group);
  if (shape.value_in_key) {
    write_values(key, shape.key_dim, lane, values);
    return;
  }
  write_key(key, shape.key_dim, lane, cache + storing.blocks.key_panel(s, head, group));
  write_values(storing.values.data + row * storing.values.row_stride + head * shape.value_dim,
               shape.value_dim,
               lane,
               values);
}

template <class Element>
void store_all(ExecContext const& exec, Storing const& storing, std::byte* cache) {
  auto const cost = storing.keys.rows * storing.keys.cols;
  std::int64_t const heads = storing.shape.num_heads;
  std::int64_t const count = storing.batch.num_sequences() * heads;
  for_each(exec, "talus::kernels::store_kv", count, cost, [&](std::int64_t i) {
    auto const s = static_cast<std::size_t>(i / heads);
    for (std::int64_t row = storing.batch.first_row[s]; row < storing.batch.first_row[s + 1];
         ++row) {
      store_token(storing, i / heads, i % heads, row, reinterpret_cast<Element*>(cache));
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
