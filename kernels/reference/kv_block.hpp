// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/detail/elements.hpp"
#include "kernels/detail/kv_codes.hpp"
#include "kernels/kv_cache.hpp"

namespace talus::kernels::reference {

/// Where a token's elements are in this backend's cache: a block holds, head after head, the keys
/// [block_tokens, key_dim] and then the values [block_tokens, value_dim]; a latent has no values.
/// Behind them, where elements are codes, are the scales: [block_tokens] of keys, then of values.
struct KvPlace {
  std::int64_t key = 0;          ///< index of the key's first element in the cache
  std::int64_t value = 0;        ///< index of the value's first element
  std::int64_t key_scale = 0;    ///< byte of the key's scale
  std::int64_t value_scale = 0;  ///< byte of the value's scale
};

/// The place of `head` at `position` of sequence `s`.
[[nodiscard]] inline KvPlace place_of(KvCache const& cache,
                                      PagedBatch const& batch,
                                      std::int64_t s,
                                      std::int64_t position,
                                      std::int64_t head) {
  KvShape const& shape = cache.shape();
  std::int64_t const tokens = cache.block_tokens();
  std::int64_t const block =
      batch.block_tables[static_cast<std::size_t>(s * batch.max_blocks + position / tokens)];
  std::int64_t const slot = position % tokens;
  std::int64_t const start = (block * shape.num_heads + head) * tokens * shape.head_bytes();
  std::int64_t const scales = start + tokens * shape.head_elements() * size_of(shape.dtype);
  std::int64_t const first = start / size_of(shape.dtype);
  std::int64_t const key = first + slot * shape.key_dim;
  auto const scale_bytes = static_cast<std::int64_t>(sizeof(float));
  return {key,
          shape.value_in_key ? key : first + tokens * shape.key_dim + slot * shape.value_dim,
          scales + slot * scale_bytes,
          scales + (tokens + slot) * scale_bytes};
}

[[nodiscard]] inline float scale_at(KvCache const& cache, std::int64_t byte) {
  return detail::load_element(cache.data() + byte, DType::f32, 0);
}

/// Element `index` of the cache, whose scale, where it has one, is at byte `scale`.
[[nodiscard]] inline float element_of(KvCache const& cache,
                                      std::int64_t index,
                                      std::int64_t scale) {
  if (!cache.shape().has_scales()) {
    return detail::load_element(cache.data(), cache.shape().dtype, index);
  }
  auto const code = static_cast<std::uint8_t>(cache.data()[index]);
  return detail::kv_code_value(code, cache.shape().dtype) * scale_at(cache, scale);
}

/// Element d of a key. A latent's part that is no value has the key's scale.
[[nodiscard]] inline float key_element(KvCache const& cache, KvPlace const& place, std::int64_t d) {
  bool const is_value = cache.shape().value_in_key && d < cache.shape().value_dim;
  return element_of(cache, place.key + d, is_value ? place.value_scale : place.key_scale);
}

/// Element d of a value.
[[nodiscard]] inline float value_element(KvCache const& cache,
                                         KvPlace const& place,
                                         std::int64_t d) {
  return element_of(cache, place.value + d, place.value_scale);
}

}  // namespace talus::kernels::reference
