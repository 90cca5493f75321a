// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <type_traits>

#include "kernels/detail/kv_codes.hpp"
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

/// A row as elements of the cache.
template <class Element>
class RowElements {
 public:
  RowElements(float const* row, std::int64_t count)
      : row_{row}, count_{count}, coder_{row, has_scales<Element> ? count : 0, code_type} {}

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }

  [[nodiscard]] float scale() const noexcept { return coder_.scale(); }

  [[nodiscard]] Element operator[](std::int64_t d) const {
    if constexpr (has_scales<Element>) {
      return static_cast<Element>(coder_.code(row_[d]));
    } else if constexpr (std::is_same_v<Element, float>) {
      return row_[d];
    } else {
      return float_to_bf16(row_[d]);
    }
  }

 private:
  static constexpr DType code_type = std::is_signed_v<Element> ? DType::i8 : DType::f8_e4m3;

  float const* row_;
  std::int64_t count_;
  detail::KvCoder coder_;
};

/// Writes a key into its lane of a panel.
template <class Element>
void write_key(RowElements<Element> const& key, std::int64_t lane, Element* panel) {
  constexpr int width = word_elements<Element>;
  for (std::int64_t d = 0; d < key.count(); ++d) {
    panel[(d / width * num_lanes + lane) * width + d % width] = key[d];
  }
}

/// Writes a value, or a part of a latent, into the words of its group of 16 positions, which have
/// `stride` elements a position.
template <class Element>
void write_value(RowElements<Element> const& value,
                 std::int64_t stride,
                 std::int64_t lane,
                 Element* group) {
  constexpr int width = word_elements<Element>;
  Element* const to = group + lane / width * width * stride + lane % width;
  for (std::int64_t d = 0; d < value.count(); ++d) {
    to[d * width] = value[d];
  }
}

/// One head's keys and values of a group of 16 positions.
template <class Element>
class Group {
 public:
  Group(Storing const& storing,
        std::int64_t s,
        std::int64_t head,
        std::int64_t position,
        Element* cache)
      : shape_{storing.shape},
        keys_{cache + storing.blocks.key_panel(s, head, position)},
        values_{cache + storing.blocks.value_rows(s, head, position)} {
    if constexpr (has_scales<Element>) {
      key_scales_ = reinterpret_cast<float*>(cache + storing.blocks.key_scales(s, head, position));
      value_scales_ =
          reinterpret_cast<float*>(cache + storing.blocks.value_scales(s, head, position));
    }
  }

  /// Makes values zeros, so that attention may read whole groups.
  void clear() {
    std::int64_t const stride = shape_.value_in_key ? shape_.key_dim : shape_.value_dim;
    std::fill_n(values_, num_lanes * stride, Element{});
    if constexpr (has_scales<Element>) {
      std::fill_n(value_scales_, num_lanes, 0.0F);
    }
  }

  void store(std::int64_t lane, float const* key, float const* value) {
    RowElements<Element> const elements{key, shape_.key_dim};
    write_key(elements, lane, keys_);
    set_scale(key_scales_, lane, elements.scale());
    RowElements<Element> const of_value{value, shape_.value_dim};
    write_value(of_value, shape_.value_dim, lane, values_);
    set_scale(value_scales_, lane, of_value.scale());
  }

  void store_latent(std::int64_t lane, float const* latent) {
    RowElements<Element> const value{latent, shape_.value_dim};
    write_value(value, shape_.key_dim, lane, values_);
    set_scale(value_scales_, lane, value.scale());
    RowElements<Element> const rest{latent + shape_.value_dim, shape_.key_dim - shape_.value_dim};
    constexpr int width = word_elements<Element>;
    write_value(rest, shape_.key_dim, lane, values_ + shape_.value_dim * width);
    set_scale(key_scales_, lane, rest.scale());
  }

 private:
  static void set_scale(float* scales, std::int64_t lane, float scale) {
    if constexpr (has_scales<Element>) {
      scales[lane] = scale;
    }
  }

  KvShape const& shape_;
  Element* keys_;
  Element* values_;
  float* key_scales_ = nullptr;
  float* value_scales_ = nullptr;
};

template <class Element>
void store_token(
    Storing const& storing, std::int64_t s, std::int64_t head, std::int64_t row, Element* cache) {
  auto const i = static_cast<std::size_t>(s);
  KvShape const& shape = storing.shape;
  std::int64_t const position = storing.batch.context[i] + row - storing.batch.first_row[i];
  std::int64_t const lane = position % num_lanes;
  Group<Element> group{storing, s, head, position - lane, cache};
  if (lane == 0) {
    group.clear();
  }
  float const* const key = storing.keys.data + row * storing.keys.row_stride + head * shape.key_dim;
  if (shape.value_in_key) {
    group.store_latent(lane, key);
    return;
  }
  group.store(
      lane, key, storing.values.data + row * storing.values.row_stride + head * shape.value_dim);
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
  with_kv_element(cache.shape().dtype, [&](auto element) {
    store_all<typename decltype(element)::type>(exec, storing, cache.data());
  });
}

}  // namespace talus::kernels::TALUS_TARGET
