// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/segments.hpp"

namespace talus::kernels::TALUS_TARGET {

Segments::Segments(std::int64_t in) {
  segments_[count_++] = {0, in, 0, 0};
}

Segments::Segments(LeafSums const& sums) {
  LeafPartition const& partition = sums.partition;
  for (std::size_t n = 0; n < sums.nodes.size(); ++n) {
    LeafRange const node = sums.nodes[n];
    for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
      auto const local = static_cast<std::size_t>(leaf - partition.run.first);
      segments_[count_++] = {partition.boundaries[local],
                             partition.boundaries[local + 1],
                             partition.tree->folds_after({leaf, leaf + 1}, node.first),
                             leaf + 1 == node.last ? static_cast<std::int32_t>(n) : -1};
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
