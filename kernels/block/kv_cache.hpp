// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/kv_store.hpp"
#include "kernels/kv_cache.hpp"

namespace talus::kernels::block {

/// A warp stores a head's key or its value (of a latent: what is value and what is not).
///
/// Grid: rows, blocks of warps. Block: eight warps. No shared memory.
struct StoreKv {
  static constexpr char const* name = "talus::kernels::store_kv";
  static constexpr int num_warps = 8;

  MatrixView<float const> keys;
  MatrixView<float const> values;
  KvStore to;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const number =
        block.block_index().y * num_warps + block.thread_index() / warp_size;
    KvShape const& shape = to.layout.shape;
    if (number >= 2 * shape.num_heads) {
      return;
    }
    std::int64_t const t = block.block_index().x;
    std::int64_t const head = number / 2;
    bool const is_key = number % 2 == 0;
    KvPlace const place = to.place_of(block, t, head);
    KvStretch const stretch = is_key ? to.key(place) : to.value(place);
    MatrixView<float const> const from = is_key || shape.value_in_key ? keys : values;
    std::int64_t first = head * (is_key ? shape.key_dim : shape.value_dim);
    if (shape.value_in_key) {
      first = is_key ? shape.value_dim : 0;
    }
    to.store(block, stretch, [&](std::int64_t d) { return block.load(from, t, first + d); });
  }
};

template <class Device>
void store_kv(Device& device,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache) {
  if (keys.rows == 0) {
    return;
  }
  std::int64_t const pieces = 2 * cache.shape().num_heads;
  device.launch({{keys.rows, ceil_div(pieces, StoreKv::num_warps)}, StoreKv::num_warps * warp_size},
                StoreKv{keys, values, store_of(device, batch, cache)});
}

}  // namespace talus::kernels::block
