// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/math.hpp"

/// \file
/// Sums and maxima over the threads of a warp or a block, by one fixed tree: halves, quarters, ...
/// Every thread gets the result. All threads of the warp, or the block, must call.

namespace talus::kernels::block {

struct Sum {
  [[nodiscard]] constexpr float operator()(float a, float b) const { return a + b; }

  static constexpr float neutral = 0.0F;
};

struct Maximum {
  [[nodiscard]] constexpr float operator()(float a, float b) const { return maximum(a, b); }

  static constexpr float neutral = -std::numeric_limits<float>::infinity();
};

/// Lane i joined with lane i + 16, then + 8, ... + 1.
template <class Join, class Block>
[[nodiscard]] TALUS_DEVICE float warp_reduce(Block& block, float value) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) {
    value = Join{}(value, block.shuffle_xor(value, distance));
  }
  return value;
}

/// Floats of shared memory that block_reduce needs.
[[nodiscard]] constexpr std::int64_t reduce_floats(int num_threads) {
  return num_threads / warp_size;
}

/// First within the warps, then over the warps, those that aren't there neutral.
///
/// \param partial  [reduce_floats()] of nobody else between this call and the next barrier after it
template <class Join, class Block>
[[nodiscard]] TALUS_DEVICE float block_reduce(Block& block,
                                              float value,
                                              SharedSpan<float> partial) {
  value = warp_reduce<Join>(block, value);
  int const lane = block.thread_index() % warp_size;
  if (lane == 0) {
    block.store(partial, block.thread_index() / warp_size, value);
  }
  block.sync();
  value = lane < partial.size ? block.load(partial, lane) : Join::neutral;
  return warp_reduce<Join>(block, value);
}

}  // namespace talus::kernels::block
