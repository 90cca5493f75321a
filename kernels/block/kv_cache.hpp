// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/kv_layout.hpp"
#include "kernels/block/paged_rows.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/detail/float8.hpp"
#include "kernels/detail/kv_codes.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels::block {

/// Codes and elements as every backend stores them. A warp stores a head's key or its value (of a
/// latent: what is value and what is not).
///
/// Grid: rows, blocks of warps. Block: eight warps. No shared memory.
struct StoreKv {
  static constexpr char const* name = "talus::kernels::store_kv";
  static constexpr int num_warps = 8;

  PagedRows rows;
  MatrixView<float const> keys;
  MatrixView<float const> values;
  KvLayout layout;
  KvMemory<std::byte> memory;

  /// A stretch of a row, and where it goes.
  struct Piece {
    MatrixView<float const> from;
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t to = 0;
    std::int64_t scale = 0;
  };

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const number =
        block.block_index().y * num_warps + block.thread_index() / warp_size;
    if (number >= 2 * layout.shape.num_heads) {
      return;
    }
    std::int64_t const t = block.block_index().x;
    Piece const piece = piece_of(place_of(block, t, number / 2), number / 2, number % 2 == 0);
    int const lane = block.thread_index() % warp_size;
    if (layout.shape.has_scales()) {
      store_codes(block, piece, t, lane);
    } else if (layout.shape.dtype == DType::f32) {
      for (std::int64_t d = lane; d < piece.count; d += warp_size) {
        block.store(memory.as<float>(), piece.to + d, block.load(piece.from, t, piece.first + d));
      }
    } else {
      for (std::int64_t d = lane; d < piece.count; d += warp_size) {
        float const value = block.load(piece.from, t, piece.first + d);
        block.store(memory.as<std::uint16_t>(), piece.to + d, float_to_bf16(value));
      }
    }
  }

 private:
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

  [[nodiscard]] TALUS_DEVICE Piece piece_of(KvPlace const& place,
                                            std::int64_t head,
                                            bool is_key) const {
    KvShape const& shape = layout.shape;
    if (shape.value_in_key) {
      return is_key ? Piece{keys,
                            shape.value_dim,
                            shape.key_dim - shape.value_dim,
                            place.key + shape.value_dim,
                            place.key_scale}
                    : Piece{keys, 0, shape.value_dim, place.value, place.value_scale};
    }
    return is_key ? Piece{keys, head * shape.key_dim, shape.key_dim, place.key, place.key_scale}
                  : Piece{values,
                          head * shape.value_dim,
                          shape.value_dim,
                          place.value,
                          place.value_scale};
  }

  template <class Block>
  TALUS_DEVICE void store_codes(Block& block, Piece const& piece, std::int64_t t, int lane) const {
    // Bits of magnitudes order as they do, and NaN's beyond all others'.
    std::uint32_t most = 0;
    for (std::int64_t d = lane; d < piece.count; d += warp_size) {
      float const value = block.load(piece.from, t, piece.first + d);
      std::uint32_t const magnitude = std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU;
      most = most > magnitude ? most : magnitude;
    }
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      std::uint32_t const other = block.shuffle_xor(most, distance);
      most = most > other ? most : other;
    }
    detail::KvScale const scale{std::bit_cast<float>(most), layout.shape.dtype};
    if (lane == 0) {
      block.store(memory.as<float>(), piece.scale, scale.scale());
    }
    for (std::int64_t d = lane; d < piece.count; d += warp_size) {
      float const value = block.load(piece.from, t, piece.first + d);
      block.store(memory.as<std::uint8_t>(), piece.to + d, code_of(scale, value));
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
void store_kv(Device& device,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache) {
  if (keys.rows == 0) {
    return;
  }
  std::int64_t const pieces = 2 * cache.shape().num_heads;
  device.launch(
      {{keys.rows, ceil_div(pieces, StoreKv::num_warps)}, StoreKv::num_warps * warp_size},
      StoreKv{
          rows_of(device, batch), keys, values, layout_of(cache), {cache.data(), bytes_of(cache)}});
}

}  // namespace talus::kernels::block
