// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/kv_layout.hpp"
#include "kernels/block/paged_rows.hpp"
#include "kernels/detail/float8.hpp"
#include "kernels/detail/kv_codes.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// Elements of a cache that share a scale, where they are codes.
struct KvStretch {
  std::int64_t first = 0;  ///< index of the first one
  std::int64_t count = 0;
  std::int64_t scale = 0;  ///< index of their scale among floats
};

/// Where a step's keys and values are stored, codes and elements as every backend stores them.
struct KvStore {
  PagedRows rows;
  KvLayout layout;
  KvMemory<std::byte> memory;

  /// Where row t's key and value of a head are to be stored.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE KvPlace place_of(Block& block,
                                              std::int64_t t,
                                              std::int64_t head) const {
    std::int64_t const s = rows.sequence_of(block, t);
    std::int64_t const p = block.load(rows.context, s) + t - block.load(rows.first_row, s);
    std::int64_t const number = rows.block_of(block, s, p, layout.block_tokens);
    return layout.place(number, p % layout.block_tokens, head);
  }

  /// A head's key; of a latent, what is behind its value.
  [[nodiscard]] TALUS_DEVICE KvStretch key(KvPlace const& place) const {
    KvShape const& shape = layout.shape;
    std::int64_t const first = shape.value_in_key ? shape.value_dim : 0;
    return {place.key + first, shape.key_dim - first, place.key_scale};
  }

  [[nodiscard]] TALUS_DEVICE KvStretch value(KvPlace const& place) const {
    return {place.value, layout.shape.value_dim, place.value_scale};
  }

  /// Stores element(d) as element d of a stretch, by all lanes of a warp.
  template <class Block, class Element>
  TALUS_DEVICE void store(Block& block, KvStretch const& to, Element const& element) const {
    int const lane = block.thread_index() % warp_size;
    if (layout.shape.has_scales()) {
      return store_codes(block, to, lane, element);
    }
    if (layout.shape.dtype == DType::f32) {
      for (std::int64_t d = lane; d < to.count; d += warp_size) {
        block.store(memory.as<float>(), to.first + d, element(d));
      }
      return;
    }
    for (std::int64_t d = lane; d < to.count; d += warp_size) {
      block.store(memory.as<std::uint16_t>(), to.first + d, float_to_bf16(element(d)));
    }
  }

 private:
  template <class Block, class Element>
  TALUS_DEVICE void store_codes(Block& block,
                                KvStretch const& to,
                                int lane,
                                Element const& element) const {
    // Bits of magnitudes order as they do, and NaN's beyond all others'.
    std::uint32_t most = 0;
    for (std::int64_t d = lane; d < to.count; d += warp_size) {
      std::uint32_t const magnitude = std::bit_cast<std::uint32_t>(element(d)) & 0x7FFFFFFFU;
      most = most > magnitude ? most : magnitude;
    }
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      std::uint32_t const other = block.shuffle_xor(most, distance);
      most = most > other ? most : other;
    }
    detail::KvScale const scale{std::bit_cast<float>(most), layout.shape.dtype};
    if (lane == 0) {
      block.store(memory.as<float>(), to.scale, scale.scale());
    }
    for (std::int64_t d = lane; d < to.count; d += warp_size) {
      block.store(memory.as<std::uint8_t>(), to.first + d, code_of(scale, element(d)));
    }
  }

  [[nodiscard]] static TALUS_DEVICE std::uint8_t code_of(detail::KvScale const& scale,
                                                         float value) {
    if (!scale.is_plain()) {
      return 0;
    }
    float const scaled = value * scale.factor();
    return scale.is_float() ? detail::e4m3_of(scaled)
                            : static_cast<std::uint8_t>(
                                  static_cast<std::int8_t>(detail::nearest_integer(scaled)));
  }
};

template <class Device>
[[nodiscard]] KvStore store_of(Device& device, PagedBatch const& batch, KvCache& cache) {
  return {rows_of(device, batch), layout_of(cache), {cache.data(), bytes_of(cache)}};
}

}  // namespace talus::kernels::block
