// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/elements.hpp"
#include "kernels/detail/kv_codes.hpp"
#include "kernels/reference/functions.hpp"
#include "kernels/reference/kv_block.hpp"

namespace talus::kernels::reference {
namespace {

/// Stores `count` elements from index `to` on, and their scale at byte `scale` if they have one.
void store_row(
    float const* row, std::int64_t count, std::int64_t to, std::int64_t scale, KvCache& cache) {
  DType const dtype = cache.shape().dtype;
  if (!cache.shape().has_scales()) {
    for (std::int64_t d = 0; d < count; ++d) {
      detail::store_element(cache.data(), dtype, to + d, row[d]);
    }
    return;
  }
  detail::KvCoder const coder{row, count, dtype};
  detail::store_element(cache.data() + scale, DType::f32, 0, coder.scale());
  for (std::int64_t d = 0; d < count; ++d) {
    cache.data()[to + d] = static_cast<std::byte>(coder.code(row[d]));
  }
}

void store_token(KvPlace const& place,
                 std::int64_t head,
                 float const* keys,
                 float const* values,
                 KvCache& cache) {
  KvShape const& shape = cache.shape();
  float const* const key = keys + head * shape.key_dim;
  if (shape.value_in_key) {
    std::int64_t const rest = shape.key_dim - shape.value_dim;
    store_row(key, shape.value_dim, place.key, place.value_scale, cache);
    store_row(key + shape.value_dim, rest, place.key + shape.value_dim, place.key_scale, cache);
    return;
  }
  store_row(key, shape.key_dim, place.key, place.key_scale, cache);
  store_row(
      values + head * shape.value_dim, shape.value_dim, place.value, place.value_scale, cache);
}

}  // namespace

void store_kv(ExecContext const&,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache) {
  for (std::int64_t s = 0; s < batch.num_sequences(); ++s) {
    auto const i = static_cast<std::size_t>(s);
    for (std::int64_t t = batch.first_row[i]; t < batch.first_row[i + 1]; ++t) {
      std::int64_t const position = batch.context[i] + t - batch.first_row[i];
      for (std::int64_t h = 0; h < cache.shape().num_heads; ++h) {
        store_token(place_of(cache, batch, s, position, h),
                    h,
                    keys.data + t * keys.row_stride,
                    values.data + t * values.row_stride,
                    cache);
      }
    }
  }
}

}  // namespace talus::kernels::reference
