// SPDX-License-Identifier: Apache-2.0
#include "kernels/detail/elements.hpp"
#include "kernels/reference/functions.hpp"
#include "kernels/reference/kv_block.hpp"

namespace talus::kernels::reference {
namespace {

void store_token(
    KvPlace place, std::int64_t head, float const* keys, float const* values, KvCache& cache) {
  KvShape const& shape = cache.shape();
  for (std::int64_t d = 0; d < shape.key_dim; ++d) {
    float const key = keys[head * shape.key_dim + d];
    detail::store_element(cache.data(), shape.dtype, place.key + d, key);
  }
  for (std::int64_t d = 0; !shape.value_in_key && d < shape.value_dim; ++d) {
    float const value = values[head * shape.value_dim + d];
    detail::store_element(cache.data(), shape.dtype, place.value + d, value);
  }
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
