// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/kv_elements.hpp"
#include "kernels/block/kv_layout.hpp"

namespace talus::kernels::block {

inline constexpr int attention_threads = 128;

/// Queries of a tile: of neighbouring rows and the heads that share a KV head.
inline constexpr int tile_queries = 16;

/// Positions and elements that are in shared memory at a time: a lane, and a thread, each.
inline constexpr int stage_positions = warp_size;
inline constexpr int stage_elements = attention_threads;

/// Elements from one staged position to the next: so that the lanes of a warp, which read the same
/// element of 32 positions, meet in no bank.
inline constexpr int stage_stride = stage_elements + 4;

/// Shared memory of a stage.
template <class Kind>
struct StageMemory {
  using Element = typename Kind::Element;

  SharedSpan<Element> elements;     ///< [stage_positions, stage_stride]
  SharedSpan<std::int64_t> keys;    ///< [stage_positions] where a key begins; -1: not to be read
  SharedSpan<std::int64_t> values;  ///< [stage_positions]
  SharedSpan<float> key_scales;     ///< [stage_positions]
  SharedSpan<float> value_scales;   ///< [stage_positions]

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE StageMemory make(Block& block) {
    StageMemory memory;
    memory.elements = shared_array<Element>(block, stage_positions * stage_stride);
    memory.keys = shared_array<std::int64_t>(block, stage_positions);
    memory.values = shared_array<std::int64_t>(block, stage_positions);
    memory.key_scales = shared_array<float>(block, stage_positions);
    memory.value_scales = shared_array<float>(block, stage_positions);
    return memory;
  }

  [[nodiscard]] static constexpr std::int64_t bytes() {
    return shared_bytes_of<Element>(stage_positions * stage_stride) +
           2 * shared_bytes_of<std::int64_t>(stage_positions) +
           2 * shared_bytes_of<float>(stage_positions);
  }
};

/// Brings keys and values of a sequence to shared memory, a few positions and elements at a time.
/// What no query of the tile sees is zero, whatever the cache holds there.
template <class Kind>
struct KvStage {
  using Element = typename Kind::Element;

  KvLayout layout;
  KvMemory<std::byte const> memory;

  /// Finds the places of the positions from `first` on. Ends with a barrier.
  template <class Block>
  TALUS_DEVICE void find(Block& block,
                         PagedRows const& rows,
                         StageMemory<Kind> const& staged,
                         AttentionTile const& tile,
                         std::int64_t first,
                         std::int64_t window) const {
    int const i = block.thread_index();
    if (i < stage_positions) {
      std::int64_t const p = first + i;
      bool const is_seen =
          p >= tile.first_seen(0, window) && p <= tile.position(tile.num_queries - 1);
      KvPlace const place =
          is_seen ? layout.place(rows.block_of(block, tile.sequence, p, layout.block_tokens),
                                 p % layout.block_tokens,
                                 tile.kv_head)
                  : KvPlace{-1, -1, -1, -1};
      block.store(staged.keys, i, place.key);
      block.store(staged.values, i, place.value);
      if constexpr (has_scales<Kind>) {
        auto const scales = memory.as<float const>();
        block.store(staged.key_scales, i, is_seen ? block.load(scales, place.key_scale) : 0.0F);
        block.store(staged.value_scales, i, is_seen ? block.load(scales, place.value_scale) : 0.0F);
      }
    }
    block.sync();
  }

  /// Elements [d, d + stage_elements) of the keys. Ends with a barrier.
  template <class Block>
  TALUS_DEVICE void load_keys(Block& block, StageMemory<Kind> const& staged, std::int64_t d) const {
    load(block, staged, staged.keys, layout.shape.key_dim, d);
  }

  /// The same of the values.
  template <class Block>
  TALUS_DEVICE void load_values(Block& block,
                                StageMemory<Kind> const& staged,
                                std::int64_t d) const {
    load(block, staged, staged.values, layout.shape.value_dim, d);
  }

  /// Staged element i of the keys from d on. A latent's part that is value has the value's scale.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float key(Block& block,
                                       StageMemory<Kind> const& staged,
                                       int position,
                                       std::int64_t d,
                                       std::int64_t i) const {
    float const element = Kind::value(block.load(staged.elements, position * stage_stride + i));
    if constexpr (has_scales<Kind>) {
      bool const is_value = layout.shape.value_in_key && d + i < layout.shape.value_dim;
      return element * block.load(is_value ? staged.value_scales : staged.key_scales, position);
    }
    return element;
  }

  /// Staged element i of the values.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float value(Block& block,
                                         StageMemory<Kind> const& staged,
                                         int position,
                                         std::int64_t i) const {
    float const element = Kind::value(block.load(staged.elements, position * stage_stride + i));
    if constexpr (has_scales<Kind>) {
      return element * block.load(staged.value_scales, position);
    }
    return element;
  }

 private:
  static constexpr int quad = 4;

  /// Quads where all places are aligned to them, else elements one by one. What is missing in the
  /// last quad is zero.
  template <class Block>
  TALUS_DEVICE void load(Block& block,
                         StageMemory<Kind> const& staged,
                         SharedSpan<std::int64_t> places,
                         std::int64_t dim,
                         std::int64_t d) const {
    bool const is_aligned = layout.shape.key_dim % quad == 0 && layout.shape.value_dim % quad == 0;
    std::int64_t const left = dim - d < stage_elements ? dim - d : stage_elements;
    auto const row_quads = static_cast<int>(ceil_div(left, quad));
    for (int i = block.thread_index(); i < stage_positions * row_quads; i += attention_threads) {
      int const position = i / row_quads;
      int const first = i % row_quads * quad;
      std::int64_t const place = block.load(places, position);
      std::int64_t const count = place < 0 ? 0 : dim - d - first;
      Vector<Element, quad> values{};
      if (is_aligned && count >= quad) {
        values = block.load(memory.as<Element const>(), place + d + first, width<quad>);
      } else {
        for (int k = 0; k < quad && k < count; ++k) {
          values[k] = block.load(memory.as<Element const>(), place + d + first + k);
        }
      }
      block.store(staged.elements, position * stage_stride + first, values);
    }
    block.sync();
  }
};

}  // namespace talus::kernels::block
