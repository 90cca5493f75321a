// SPDX-License-Identifier: Apache-2.0
#include "runtime/kv_cache/kv_geometry.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/base/assert.hpp"

namespace talus::runtime {

KvGeometry::KvGeometry(std::vector<std::int32_t> windows, std::int32_t block_tokens)
    : windows_{std::move(windows)},
      block_tokens_{block_tokens},
      has_windows_{std::any_of(
          windows_.begin(), windows_.end(), [](std::int32_t window) { return window > 0; })} {
  TALUS_EXPECT(!windows_.empty() && block_tokens > 0);
}

std::int32_t KvGeometry::next_release(std::int32_t position) const noexcept {
  std::int32_t next = std::numeric_limits<std::int32_t>::max();
  for (std::int32_t group = 0; group < num_groups(); ++group) {
    std::int32_t const window = windows_[static_cast<std::size_t>(group)];
    if (window > 0) {
      next = std::min(next, (first_block(group, position) + 1) * block_tokens_ + window - 1);
    }
  }
  return next;
}

std::int64_t KvGeometry::most_blocks(std::int32_t tokens, std::int32_t chunk) const noexcept {
  std::int64_t const all = blocks_for(tokens);
  std::int64_t total = 0;
  for (std::int32_t const window : windows_) {
    // However they lie, this many positions in a row are in that many blocks at most.
    std::int64_t const seen = std::int64_t{window} - 1 + std::min(chunk, tokens);
    std::int64_t const touched = (seen + block_tokens_ - 2) / block_tokens_ + 1;
    total += window == 0 ? all : std::min(all, touched);
  }
  return total;
}

std::int32_t KvGeometry::longest(std::int64_t num_blocks,
                                 std::int32_t chunk,
                                 std::int32_t most) const noexcept {
  std::int32_t fits = 0;
  std::int32_t fails = most + 1;
  while (fails - fits > 1) {
    std::int32_t const middle = fits + (fails - fits) / 2;
    (most_blocks(middle, chunk) <= num_blocks ? fits : fails) = middle;
  }
  return fits;
}

}  // namespace talus::runtime
