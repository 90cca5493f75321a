// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/each_quad.hpp"
#include "kernels/block/expert_tiles.hpp"

/// \file
/// What is done with experts' rows by themselves, where the device alone knows how many there are.

namespace talus::kernels::block {

/// Rows that blocks have at a time, of which a launch may have more than there are.
[[nodiscard]] constexpr std::int64_t rows_at_a_time(ExpertRows const& experts, std::int64_t rows) {
  return std::min(rows, 2 * experts.expected_of(rows));
}

/// Calls body(block, t, j) for each quad of columns j of each row t that is some expert's.
///
/// Grid: rows at a time, pieces of a row. Block: a thread a quad. No shared memory.
template <class Body>
struct EachExpertQuad {
  static constexpr char const* name = Body::name;

  Body body;
  std::int64_t cols = 0;
  ExpertRows experts;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const number = block.block_index().y * block.num_threads() + block.thread_index();
    if (number * quad >= cols) {
      return;
    }
    std::int64_t const end = experts.end_of(block, 0);
    for (std::int64_t t = block.block_index().x; t < end; t += block.grid_size().x) {
      body(block, t, number * quad);
    }
  }
};

/// Runs `body` for all quads of experts' rows; of all `rows` rows, where they are nobody's.
template <class Device, class Body>
void for_each_quad(Device& device,
                   ExpertRows const& experts,
                   std::int64_t rows,
                   std::int64_t cols,
                   Body const& body) {
  if (experts.is_empty()) {
    return for_each_quad(device, rows, cols, body);
  }
  if (rows == 0 || cols == 0) {
    return;
  }
  std::int64_t const quads = num_quads(cols);
  int const threads = threads_for(quads);
  device.launch({{rows_at_a_time(experts, rows), ceil_div(quads, threads)}, threads},
                EachExpertQuad<Body>{body, cols, experts});
}

}  // namespace talus::kernels::block
