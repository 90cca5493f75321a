// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kv_cache.hpp"

namespace talus::kernels::reference {

/// Where a token's elements are in this backend's cache: a block holds, head after head, the keys
/// [block_tokens, key_dim] and then the values [block_tokens, value_dim]; a latent has no values.
struct KvPlace {
  std::int64_t key = 0;    ///< index of the key's first element in the cache
  std::int64_t value = 0;  ///< index of the value's first element
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
  std::int64_t const token_elements = shape.token_bytes() / size_of(shape.dtype);
  std::int64_t const head_elements = token_elements / shape.num_heads * tokens;
  std::int64_t const start = block * tokens * token_elements + head * head_elements;
  std::int64_t const key = start + slot * shape.key_dim;
  if (shape.value_in_key) {
    return {key, key};
  }
  return {key, start + tokens * shape.key_dim + slot * shape.value_dim};
}

}  // namespace talus::kernels::reference
