// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/sum_tree.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"

namespace talus {

SumTree::SumTree(std::int32_t num_leaves) : num_leaves_{num_leaves} {
  TALUS_EXPECT(num_leaves >= 1);
}

LeafRange SumTree::run_of(std::int32_t part, std::int32_t num_parts) const {
  auto const cut = [&](std::int64_t p) {
    return static_cast<std::int32_t>(p * num_leaves_ / num_parts);
  };
  return {cut(part), cut(part + 1)};
}

std::vector<LeafRange> SumTree::nodes_of(LeafRange run) const {
  std::vector<LeafRange> nodes;
  while (run.first < run.last) {
    std::int32_t size = 1;
    // Grow while the node stays aligned, and its leaves (those that exist) stay in the run.
    while (run.first % (2 * size) == 0 && size < num_leaves_ &&
           std::min(run.first + 2 * size, num_leaves_) <= run.last) {
      size *= 2;
    }
    std::int32_t const last = std::min(run.first + size, num_leaves_);
    nodes.push_back({run.first, last});
    run.first = last;
  }
  return nodes;
}

std::int32_t SumTree::folds_after(LeafRange node, std::int32_t first) const {
  std::int32_t begin = node.first;
  std::int32_t size = 1;
  while (begin + size < node.last) {
    size *= 2;
  }
  std::int32_t folds = 0;
  for (;; size *= 2) {
    bool const is_right_half = (begin / size) % 2 == 1;
    if (is_right_half && begin - size >= first) {
      begin -= size;
      ++folds;
    } else if (is_right_half || size >= num_leaves_ || begin + size < num_leaves_) {
      return folds;  // a left half waits for its right one, unless that has no leaves
    }
  }
}

LeafRange leaf_extent(std::int32_t leaf,
                      std::int32_t num_leaves,
                      std::int32_t extent,
                      std::int32_t unit) {
  std::int64_t const units = extent / unit;
  auto const cut = [&](std::int64_t l) {
    return static_cast<std::int32_t>(l * units / num_leaves * unit);
  };
  return {cut(leaf), cut(leaf + 1)};
}

}  // namespace talus
