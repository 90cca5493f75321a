// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/kv_cache.hpp"

namespace talus::kernels::block {

/// Where a token's key and value are in the cache, and the scales of their codes.
struct KvPlace {
  std::int64_t key = 0;          ///< index of the key's first element
  std::int64_t value = 0;        ///< index of the value's first element
  std::int64_t key_scale = 0;    ///< index of the key's scale among floats
  std::int64_t value_scale = 0;  ///< index of the value's scale
};

/// How a cache lies in the device's memory: as the reference has it. A block holds, head after
/// head, the keys [block_tokens, key_dim] and then the values [block_tokens, value_dim]; a latent
/// has no values. Behind them, where elements are codes, are the scales: [block_tokens] of keys,
/// then of values.
///
/// So a warp reads a key, or a value, in one piece.
struct KvLayout {
  KvShape shape;
  std::int64_t block_tokens = 0;

  /// The place of `head` in slot `slot` of block `number`.
  [[nodiscard]] constexpr KvPlace place(std::int64_t number,
                                        std::int64_t slot,
                                        std::int64_t head) const noexcept {
    std::int64_t const start =
        (number * shape.num_heads + head) * block_tokens * shape.head_bytes();
    std::int64_t const scales = start + block_tokens * shape.head_elements() * size_of(shape.dtype);
    std::int64_t const first = start / size_of(shape.dtype);
    std::int64_t const key = first + slot * shape.key_dim;
    std::int64_t const value = first + block_tokens * shape.key_dim + slot * shape.value_dim;
    constexpr auto scale_bytes = static_cast<std::int64_t>(sizeof(float));
    return {key,
            shape.value_in_key ? key : value,
            scales / scale_bytes + slot,
            scales / scale_bytes + block_tokens + slot};
  }
};

/// A cache's memory, as elements of each of the types that it may have.
template <class Byte>
struct KvMemory {
  Byte* data = nullptr;
  std::int64_t bytes = 0;

  template <class T>
  [[nodiscard]] TALUS_DEVICE GlobalSpan<T> as() const {
    return {reinterpret_cast<T*>(data), bytes / static_cast<std::int64_t>(sizeof(T))};
  }
};

[[nodiscard]] inline KvLayout layout_of(KvCache const& cache) {
  return {cache.shape(), cache.block_tokens()};
}

[[nodiscard]] inline std::int64_t bytes_of(KvCache const& cache) {
  return cache.num_blocks() * cache.block_tokens() * cache.shape().token_bytes();
}

}  // namespace talus::kernels::block
