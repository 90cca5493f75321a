// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_layout.hpp"
#include "kernels/block/tile_attention_shape.hpp"

namespace talus::kernels::block {

/// Shared memory for the keys and values of some steps.
struct TileKvMemory {
  SharedSpan<std::uint16_t> keys;    ///< [stages, attention_step, key_stride]
  SharedSpan<std::uint16_t> values;  ///< [stages, attention_step, value_stride]; a latent has none
  SharedSpan<float> scales;          ///< [stages, 2, attention_step] of keys, and of values
  SharedSpan<std::int32_t> flaws;    ///< [attention_step] not 0: its values aren't all finite
};

/// Scales of neighbouring positions.
using ScalePair = Vector<float, 2>;

/// Where values are: a latent's are the first elements of its keys.
struct StagedValues {
  SharedSpan<std::uint16_t> memory;
  std::int32_t first = 0;
  std::int32_t stride = 0;
};

/// Brings the keys and values of a step to shared memory, each element once, with their scales
/// where they have some. What no query of the tile sees is zero, whatever the cache holds there,
/// and so is what is missing in the last fragment of a row.
template <class Kind>
struct TileKvStage {
  static constexpr int vector_size = 8;  ///< words of 16 bytes
  static constexpr int row_threads = 8;  ///< that copy a row, 128 bytes at a time

  KvLayout layout;
  KvMemory<std::byte const> memory;
  std::int64_t stages = 1;

  template <class Block>
  [[nodiscard]] TALUS_DEVICE TileKvMemory make(Block& block) const {
    TileKvMemory staged;
    staged.keys = shared_array<std::uint16_t>(block, stages * attention_step * key_stride());
    staged.values = shared_array<std::uint16_t>(block, stages * attention_step * value_stride());
    if constexpr (has_scales<Kind>) {
      staged.scales = shared_array<float>(block, stages * 2 * attention_step);
    } else {
      staged.flaws = shared_array<std::int32_t>(block, attention_step);
    }
    return staged;
  }

  /// Words of a key, with those that are missing in the last fragment.
  [[nodiscard]] TALUS_DEVICE std::int32_t key_words() const {
    return static_cast<std::int32_t>(row_words(Kind::dtype, layout.shape.key_dim));
  }

  [[nodiscard]] TALUS_DEVICE std::int32_t key_stride() const {
    return static_cast<std::int32_t>(row_stride(key_words()));
  }

  [[nodiscard]] TALUS_DEVICE std::int32_t value_stride() const {
    std::int64_t const words = row_words(Kind::dtype, layout.shape.value_dim);
    return layout.shape.value_in_key ? 0 : static_cast<std::int32_t>(row_stride(words));
  }

  /// Elements of a query, with the missing ones, and from one query to the next.
  [[nodiscard]] TALUS_DEVICE std::int32_t query_elements() const {
    return key_words() * static_cast<std::int32_t>(word_elements(Kind::dtype));
  }

  [[nodiscard]] TALUS_DEVICE std::int32_t query_stride() const {
    return static_cast<std::int32_t>(row_stride(query_elements()));
  }

  /// Begins to copy the positions from `first` on, and ends a group of copies.
  template <class Block>
  TALUS_DEVICE void begin(Block& block,
                          TileKvMemory const& staged,
                          AttentionTiles const& tiles,
                          AttentionTile const& tile,
                          std::int32_t first,
                          int slot) const {
    int const step = block.num_threads() / row_threads;
    for (int i = block.thread_index() / row_threads; i < attention_step; i += step) {
      std::int32_t const p = first + i;
      bool const is_seen = sees(tiles, tile, p, p);
      KvPlace const place = is_seen ? place_of(block, tiles, tile, p) : KvPlace{};
      int const row = slot * attention_step + i;
      copy(block, staged.keys, row * key_stride(), place.key, is_seen, layout.shape.key_dim);
      if (!layout.shape.value_in_key) {
        copy(block,
             staged.values,
             row * value_stride(),
             place.value,
             is_seen,
             layout.shape.value_dim);
      }
    }
    if constexpr (has_scales<Kind>) {
      copy_scales(block, staged, tiles, tile, first, slot);
    }
    block.commit_copies();
  }

  /// The scales of keys at a step's `position` and the next.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE ScalePair
  key_scales(Block& block, TileKvMemory const& staged, int slot, int position) const {
    return block.load(staged.scales, slot * 2 * attention_step + position, width<2>);
  }

  /// The same of values, or of what of a latent is one.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE ScalePair
  value_scales(Block& block, TileKvMemory const& staged, int slot, int position) const {
    return block.load(staged.scales, (slot * 2 + 1) * attention_step + position, width<2>);
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
  static constexpr int scale_vector = 4;  ///< scales of 16 bytes, which a block's begin at

  /// Whether some query of the tile sees one of positions [first, last].
  [[nodiscard]] static TALUS_DEVICE bool sees(AttentionTiles const& tiles,
                                              AttentionTile const& tile,
                                              std::int32_t first,
                                              std::int32_t last) {
    auto const begin = static_cast<std::int32_t>(tile.first_seen(0, tiles.window));
    return last >= begin && first <= tile.position(tile.num_queries - 1);
  }

  template <class Block>
  [[nodiscard]] TALUS_DEVICE KvPlace place_of(Block& block,
                                              AttentionTiles const& tiles,
                                              AttentionTile const& tile,
                                              std::int32_t position) const {
    KvLayout known = layout;
    known.shape.dtype = Kind::dtype;  // to the compiler
    auto const tokens = static_cast<std::int32_t>(layout.block_tokens);
    std::int64_t const number = tiles.rows.block_of(block, tile.sequence, position, tokens);
    return known.place(number, position % tokens, tile.kv_head);
  }

  /// A thread's part of a row of `dim` elements, from element `from` of the cache on.
  template <class Block>
  TALUS_DEVICE void copy(Block& block,
                         SharedSpan<std::uint16_t> to,
                         std::int32_t first,
                         std::int64_t from,
                         bool is_seen,
                         std::int64_t dim) const {
    constexpr std::int64_t size = word_elements(Kind::dtype);
    auto const words = memory.as<std::uint16_t const>();
    MatrixView<std::uint16_t const> const all{words.data, 1, words.size, words.size};
    auto const padded = static_cast<std::int32_t>(row_words(Kind::dtype, dim));
    for (std::int32_t j = block.thread_index() % row_threads * vector_size; j < padded;
         j += row_threads * vector_size) {
      int const count = is_seen && j < dim / size ? vector_size : 0;
      block.copy_async(to, first + j, all, 0, from / size + j, width<vector_size>, count);
    }
  }

  /// The scales of a step's positions, four at a time, which are in one block of the cache.
  template <class Block>
  TALUS_DEVICE void copy_scales(Block& block,
                                TileKvMemory const& staged,
                                AttentionTiles const& tiles,
                                AttentionTile const& tile,
                                std::int32_t first,
                                int slot) const {
    auto const scales = memory.as<float const>();
    MatrixView<float const> const all{scales.data, 1, scales.size, scales.size};
    for (int i = block.thread_index() * scale_vector; i < 2 * attention_step;
         i += block.num_threads() * scale_vector) {
      std::int32_t const p = first + i % attention_step;
      bool const is_seen = sees(tiles, tile, p, p + scale_vector - 1);
      KvPlace const place = is_seen ? place_of(block, tiles, tile, p) : KvPlace{};
      std::int64_t const from = i < attention_step ? place.key_scale : place.value_scale;
      int const to = slot * 2 * attention_step + i;
      int const count = is_seen ? scale_vector : 0;
      block.copy_async(staged.scales, to, all, 0, from, width<scale_vector>, count);
    }
  }
};

}  // namespace talus::kernels::block
