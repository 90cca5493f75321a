// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/rounding.hpp"

/// \file
/// How attention over keys and values of 16 or eight bits is cut for tensor cores. No cut changes a
/// bit: see tile_attention.hpp.

namespace talus::kernels::block {

/// Positions that are scored at a time, from multiples of it on.
inline constexpr int attention_step = 64;

/// From one row of weights to the next: so that eight rows of 16 bytes meet in no bank.
inline constexpr int weight_stride = attention_step + 8;

/// Elements of a key or a value in a word: those of eight bits stay as they are in shared memory,
/// two in 16 bits, and become bfloat16 on their way to fragments.
[[nodiscard]] constexpr std::int64_t word_elements(DType dtype) {
  return static_cast<std::int64_t>(sizeof(std::uint16_t)) / size_of(dtype);
}

/// Words of a row of `dim` elements, of which products take a whole number of fragments.
[[nodiscard]] constexpr std::int64_t row_words(DType dtype, std::int64_t dim) {
  return round_up(dim / word_elements(dtype), fragment_inputs);
}

/// From one row of so many words to the next: so that eight times 16 bytes meet in no bank.
[[nodiscard]] constexpr std::int64_t row_stride(std::int64_t words) {
  return words + 8;
}

/// What a block's warps do. A warp has some fragments of queries, and, beside others that have the
/// same ones, some of the step's positions when it scores, and some elements of the values when it
/// sums them.
struct AttentionShape {
  int query_fragments = 1;  ///< of 16 queries
  int query_warps = 1;      ///< that share out the fragments
  int column_warps = 1;     ///< side by side
  int value_dim = 64;       ///< of the longest values

  [[nodiscard]] constexpr int queries() const { return fragment_outputs * query_fragments; }

  [[nodiscard]] constexpr int threads() const { return warp_size * query_warps * column_warps; }

  [[nodiscard]] constexpr int warp_fragments() const { return query_fragments / query_warps; }

  /// Fragments of eight positions that a warp scores.
  [[nodiscard]] constexpr int warp_scores() const {
    return attention_step / fragment_rows / column_warps;
  }

  /// Fragments of eight elements of values that a warp sums.
  [[nodiscard]] constexpr int warp_values() const {
    return value_dim / fragment_rows / column_warps;
  }

  /// Whether latents of codes have tiles of this shape: their products are two kinds of sums, for
  /// which others have no registers.
  [[nodiscard]] constexpr bool has_latents() const { return value_dim > 256; }

  /// Greatest scores that warps side by side tell each other.
  [[nodiscard]] constexpr int exchanged_scores() const {
    return column_warps > 1 ? column_warps * queries() : 0;
  }
};

/// The shapes for values of up to so many elements: for a few queries, whose time is that of
/// reading keys and values, and for many, whose time is that of multiplying. Codes become bfloat16
/// in each warp that multiplies them: so a warp has more queries, and less of keys and values.
[[nodiscard]] constexpr AttentionShape attention_shape(int value_dim, bool is_few, DType dtype) {
  if (is_few) {
    return {1, 1, 4, value_dim};
  }
  if (value_dim > 256) {
    return {2, 2, 4, value_dim};
  }
  if (size_of(dtype) == 1) {
    return {4, 2, 4, value_dim};
  }
  return {4, 4, value_dim > 128 ? 2 : 1, value_dim};
}

/// The longest values that tiles are made for.
inline constexpr std::int64_t most_tile_values = 512;

/// For values of how many elements the shape is that keys and values have.
[[nodiscard]] constexpr int tile_values(KvShape const& kv) {
  bool const is_long = kv.value_dim > 256 || (kv.value_in_key && kv.has_scales());
  return is_long ? 512 : kv.value_dim > 128 ? 256 : kv.value_dim > 64 ? 128 : 64;
}

/// Whether keys and values are such as tiles are made of: their 16 bytes begin at multiples of it,
/// and no fragment has elements of a latent with two scales.
[[nodiscard]] constexpr bool has_tiles(KvShape const& kv) {
  if (kv.dtype == DType::f32 || kv.value_dim > most_tile_values) {
    return false;
  }
  std::int64_t const vector = 8 * word_elements(kv.dtype);
  std::int64_t const part = kv.value_in_key && kv.has_scales() ? 2 * fragment_inputs : vector;
  return kv.key_dim % vector == 0 && kv.value_dim % part == 0;
}

/// Shared memory of a block.
[[nodiscard]] constexpr std::int64_t tile_attention_bytes(AttentionShape const& shape,
                                                          KvShape const& kv,
                                                          std::int64_t stages) {
  std::int64_t const key_words = row_words(kv.dtype, kv.key_dim);
  std::int64_t const value_words = row_words(kv.dtype, kv.value_dim);
  std::int64_t const positions = stages * attention_step;
  std::int64_t const weight_rows = (kv.has_scales() ? 2 : 1) * shape.queries();
  return shared_bytes_of<std::uint16_t>(positions * row_stride(key_words)) +
         shared_bytes_of<std::uint16_t>(kv.value_in_key ? 0 : positions * row_stride(value_words)) +
         shared_bytes_of<std::uint16_t>(shape.queries() *
                                        row_stride(key_words * word_elements(kv.dtype))) +
         shared_bytes_of<std::uint16_t>(weight_rows * weight_stride) +
         shared_bytes_of<float>(shape.exchanged_scores()) +
         (kv.has_scales() ? shared_bytes_of<float>(2 * positions)
                          : shared_bytes_of<std::int32_t>(attention_step));
}

}  // namespace talus::kernels::block
