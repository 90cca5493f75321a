// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/quads.hpp"

namespace talus::kernels::block {

/// A kernel that calls body(block, t, j) for each quad of columns j of each row t.
///
/// Grid: rows, pieces of a row. Block: a thread a quad. No shared memory.
template <class Body>
struct EachQuad {
  static constexpr char const* name = Body::name;

  Body body;
  std::int64_t cols = 0;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const number = block.block_index().y * block.num_threads() + block.thread_index();
    if (number * quad < cols) {
      body(block, block.block_index().x, number * quad);
    }
  }
};

/// Threads of a block that share out `count` pieces of work.
[[nodiscard]] inline int threads_for(std::int64_t count, int most = 256) {
  return static_cast<int>(std::clamp<std::int64_t>(round_up(count, warp_size), warp_size, most));
}

/// Runs `body` for all quads of `rows` rows of `cols` columns.
template <class Device, class Body>
void for_each_quad(Device& device, std::int64_t rows, std::int64_t cols, Body const& body) {
  if (rows == 0 || cols == 0) {
    return;
  }
  std::int64_t const quads = num_quads(cols);
  int const threads = threads_for(quads);
  device.launch({{rows, ceil_div(quads, threads)}, threads}, EachQuad<Body>{body, cols});
}

}  // namespace talus::kernels::block
