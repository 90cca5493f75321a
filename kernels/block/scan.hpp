// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"

namespace talus::kernels::block {

/// Sums over the threads of a block: to this one, itself included, and of all.
template <class Integer>
struct Scanned {
  Integer upto = 0;
  Integer total = 0;
};

/// Integers that block_scan needs in shared memory.
[[nodiscard]] constexpr std::int64_t scan_size(int num_threads) {
  return num_threads / warp_size;
}

/// Of integers, whose sums have no order. All threads of the block must call; begins with a
/// barrier.
///
/// \param partial  [scan_size()] of nobody else between this call and the next barrier after it
template <class Integer, class Block>
[[nodiscard]] TALUS_DEVICE Scanned<Integer> block_scan(Block& block,
                                                       Integer value,
                                                       SharedSpan<Integer> partial) {
  int const lane = block.thread_index() % warp_size;
  int const warp = block.thread_index() / warp_size;
  for (int distance = 1; distance < warp_size; distance *= 2) {
    Integer const before = block.shuffle(value, lane >= distance ? lane - distance : lane);
    value += lane >= distance ? before : Integer{0};
  }
  block.sync();
  if (lane == warp_size - 1) {
    block.store(partial, warp, value);
  }
  block.sync();
  Scanned<Integer> result{value, 0};
  for (int w = 0; w < partial.size; ++w) {
    Integer const sum = block.load(partial, w);
    result.upto += w < warp ? sum : Integer{0};
    result.total += sum;
  }
  return result;
}

}  // namespace talus::kernels::block
