// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/choices.hpp"

namespace talus::kernels::block {

/// ids[t] = tokens[sources[t]], where there is a source.
///
/// Grid: blocks of rows. Block: a thread a row. No shared memory.
struct TakeDrawn {
  static constexpr char const* name = "talus::kernels::take_drawn";

  GlobalSpan<std::int32_t const> sources;
  GlobalSpan<std::int32_t const> tokens;
  GlobalSpan<std::int32_t> ids;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const t = block.block_index().x * block.num_threads() + block.thread_index();
    if (t >= sources.size) {
      return;
    }
    if (std::int32_t const source = block.load(sources, t); source >= 0) {
      block.store(ids, t, block.load(tokens, source));
    }
  }
};

template <class Device>
void take_drawn(Device& device,
                std::span<std::int32_t const> sources,
                std::span<std::int32_t const> tokens,
                std::span<std::int32_t> ids) {
  std::int64_t const rows = std::ssize(sources);
  if (rows == 0) {
    return;
  }
  int const threads = threads_for(rows);
  device.launch({{ceil_div(rows, threads)}, threads},
                TakeDrawn{device.upload(sources), in_place(tokens), in_place(ids)});
}

}  // namespace talus::kernels::block
