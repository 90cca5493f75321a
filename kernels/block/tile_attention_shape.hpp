// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/attention_tiles.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "runtime/base/rounding.hpp"

/// \file
/// How attention over keys and values in bfloat16 is cut for tensor cores. No cut changes a bit:
/// see tile_attention.hpp.

namespace talus::kernels::block {

/// Positions that are scored at a time, from multiples of it on.
inline constexpr int attention_step = 64;

/// From one row of weights to the next: so that eight rows of 16 bytes meet in no bank.
inline constexpr int weight_stride = attention_step + 8;

/// The same of rows of queries, keys or values, of which products take a whole number of fragments.
[[nodiscard]] constexpr std::int64_t attention_stride(std::int64_t dim) {
  return round_up(dim, fragment_inputs) + 8;
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

  /// Greatest scores that warps side by side tell each other.
  [[nodiscard]] constexpr int exchanged_scores() const {
    return column_warps > 1 ? column_warps * queries() : 0;
  }
};

/// The shapes for values of up to so many elements: for a few queries, whose time is that of
/// reading keys and values, and for many, whose time is that of multiplying.
[[nodiscard]] constexpr AttentionShape attention_shape(int value_dim, bool is_few) {
  if (is_few) {
    return {1, 1, 4, value_dim};
  }
  if (value_dim > 256) {
    return {2, 2, 4, value_dim};
  }
  return {4, 4, value_dim > 128 ? 2 : 1, value_dim};
}

/// The longest values that tiles are made for.
inline constexpr std::int64_t most_tile_values = 512;

/// Shared memory of a block.
[[nodiscard]] constexpr std::int64_t tile_attention_bytes(AttentionShape const& shape,
                                                          KvShape const& kv,
                                                          std::int64_t stages) {
  std::int64_t const key_stride = attention_stride(kv.key_dim);
  std::int64_t const value_stride = kv.value_in_key ? 0 : attention_stride(kv.value_dim);
  return shared_bytes_of<std::uint16_t>(stages * attention_step * key_stride) +
         shared_bytes_of<std::uint16_t>(stages * attention_step * value_stride) +
         shared_bytes_of<std::uint16_t>(shape.queries() * key_stride) +
         shared_bytes_of<std::uint16_t>(shape.queries() * weight_stride) +
         shared_bytes_of<float>(shape.exchanged_scores()) +
         shared_bytes_of<std::int32_t>(attention_step);
}

}  // namespace talus::kernels::block
