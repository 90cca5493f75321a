// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/segments.hpp"

namespace talus::kernels::TALUS_TARGET {

Segments::Segments(std::int64_t in) {
  segments_[count_++] = {0, in, 0, 0, 0};
}

Segments::Segments(LeafSums const& sums) {
  LeafPartition const& partition = sums.partition;
  std::int32_t depth = 0;
  for (std::size_t n = 0; n < sums.nodes.size(); ++n) {
    LeafRange const node = sums.nodes[n];
    for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
      auto const local = static_cast<std::size_t>(leaf - partition.run.first);
      std::int32_t const folds = partition.tree->folds_after({leaf, leaf + 1}, node.first);
      bool const is_whole = leaf + 1 == node.last;
      segments_[count_++] = {partition.boundaries[local],
                             partition.boundaries[local + 1],
                             folds,
                             is_whole ? static_cast<std::int32_t>(n) : -1,
                             depth};
      depth += is_whole ? -folds : 1 - folds;
    }
  }
}

SumBlock next_block(std::span<Segment const> segments, SumBlock const& before, std::int64_t size) {
  std::int64_t const end = segments.back().last;
  std::int64_t const first = before.last;
  std::size_t segment = before.segment;
  // Those that begin here have their turn now, also if they are empty.
  while (segments[segment].first < first && segments[segment].last <= first) {
    ++segment;
  }
  std::int64_t const last = end - first <= size ? end : first + size;
  return {first, last, segment, last == end};
}

int depth_before(std::span<Segment const> segments, SumBlock const& block) {
  Segment const& segment = segments[block.segment];
  return segment.depth + (segment.first < block.first ? 1 : 0);
}

}  // namespace talus::kernels::TALUS_TARGET
