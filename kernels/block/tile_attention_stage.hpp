// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/kv_layout.hpp"
#include "kernels/block/tile_attention_shape.hpp"

namespace talus::kernels::block {

/// Shared memory for the keys and values of some steps.
struct TileKvMemory {
  SharedSpan<std::uint16_t> keys;    ///< [stages, attention_step, key_stride]
  SharedSpan<std::uint16_t> values;  ///< [stages, attention_step, value_stride]; a latent has none
  SharedSpan<std::int32_t> flaws;    ///< [attention_step] not 0: its values aren't all finite
};

/// Where values are: a latent's are the first elements of its keys.
struct StagedValues {
  SharedSpan<std::uint16_t> memory;
  std::int32_t first = 0;
  std::int32_t stride = 0;
};

/// Brings the keys and values of a step to shared memory, each element once. What no query of the
/// tile sees is zero, whatever the cache holds there, and so is what is missing in the last
/// fragment of a row.
struct TileKvStage {
  static constexpr int vector_size = 8;
  static constexpr int row_threads = 8;  ///< that copy a row, 128 bytes at a time

  KvLayout layout;
  KvMemory<std::byte const> memory;
  std::int64_t stages = 1;

  template <class Block>
  [[nodiscard]] TALUS_DEVICE TileKvMemory make(Block& block) const {
    TileKvMemory staged;
    staged.keys = shared_array<std::uint16_t>(block, stages * attention_step * key_stride());
    staged.values = shared_array<std::uint16_t>(block, stages * attention_step * value_stride());
    staged.flaws = shared_array<std::int32_t>(block, attention_step);
    return staged;
  }

  [[nodiscard]] TALUS_DEVICE std::int32_t key_stride() const {
    return static_cast<std::int32_t>(attention_stride(layout.shape.key_dim));
  }

  [[nodiscard]] TALUS_DEVICE std::int32_t value_stride() const {
    return layout.shape.value_in_key
               ? 0
               : static_cast<std::int32_t>(attention_stride(layout.shape.value_dim));
  }

  /// Begins to copy the positions from `first` on, and ends a group of copies.
  template <class Block>
  TALUS_DEVICE void begin(Block& block,
                          TileKvMemory const& staged,
                          AttentionTiles const& tiles,
                          AttentionTile const& tile,
                          std::int32_t first,
                          int slot) const {
    std::int32_t const begin = static_cast<std::int32_t>(tile.first_seen(0, tiles.window));
    std::int32_t const end = tile.position(tile.num_queries - 1);
    KvLayout bf16 = layout;
    bf16.shape.dtype = DType::bf16;  // that it is known to the compiler
    int const step = block.num_threads() / row_threads;
    for (int i = block.thread_index() / row_threads; i < attention_step; i += step) {
      std::int32_t const p = first + i;
      bool const is_seen = p >= begin && p <= end;
      KvPlace place;
      if (is_seen) {
        auto const tokens = static_cast<std::int32_t>(layout.block_tokens);
        std::int64_t const number = tiles.rows.block_of(block, tile.sequence, p, tokens);
        place = bf16.place(number, p % tokens, tile.kv_head);
      }
      int const row = slot * attention_step + i;
      copy(block,
           staged.keys,
           row * key_stride(),
           place.key,
           is_seen,
           static_cast<std::int32_t>(layout.shape.key_dim));
      if (!layout.shape.value_in_key) {
        copy(block,
             staged.values,
             row * value_stride(),
             place.value,
             is_seen,
             static_cast<std::int32_t>(layout.shape.value_dim));
      }
    }
    block.commit_copies();
  }

  [[nodiscard]] TALUS_DEVICE StagedValues values(TileKvMemory const& staged, int slot) const {
    bool const is_in_key = layout.shape.value_in_key;
    std::int32_t const stride = is_in_key ? key_stride() : value_stride();
    return {is_in_key ? staged.keys : staged.values, slot * attention_step * stride, stride};
  }

  /// Makes zeros of the values of positions that have one that isn't finite, and notes their flaw:
  /// a weight of zero times such a value would be no number. Begins and ends with a barrier.
  template <class Block>
  TALUS_DEVICE void remove_flaws(Block& block, TileKvMemory const& staged, int slot) const {
    if (block.thread_index() < attention_step) {
      block.store(staged.flaws, block.thread_index(), 0);
    }
    block.sync();
    StagedValues const values = this->values(staged, slot);
    auto const vectors = static_cast<int>(layout.shape.value_dim) / vector_size;
    for (int i = block.thread_index(); i < attention_step * vectors; i += block.num_threads()) {
      int const position = i / vectors;
      int const place = values.first + position * values.stride + i % vectors * vector_size;
      auto const elements = block.load(values.memory, place, width<vector_size>);
      bool is_flawed = false;
      for (int k = 0; k < vector_size; ++k) {
        is_flawed = is_flawed || (elements[k] & 0x7F80U) == 0x7F80U;
      }
      if (is_flawed) {
        block.store(values.memory, place, Vector<std::uint16_t, vector_size>{});
        block.atomic_add(staged.flaws, position, 1);
      }
    }
    block.sync();
  }

 private:
  /// A thread's part of a row, from element `from` of the cache on.
  template <class Block>
  TALUS_DEVICE void copy(Block& block,
                         SharedSpan<std::uint16_t> to,
                         std::int32_t first,
                         std::int64_t from,
                         bool is_seen,
                         std::int32_t dim) const {
    auto const elements = memory.as<std::uint16_t const>();
    MatrixView<std::uint16_t const> const all{elements.data, 1, elements.size, elements.size};
    std::int32_t const padded = static_cast<std::int32_t>(round_up(dim, fragment_inputs));
    for (std::int32_t j = block.thread_index() % row_threads * vector_size; j < padded;
         j += row_threads * vector_size) {
      int const count = is_seen && j < dim ? vector_size : 0;
      block.copy_async(to, first + j, all, 0, from + j, width<vector_size>, count);
    }
  }
};

}  // namespace talus::kernels::block
