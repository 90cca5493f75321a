// SPDX-License-Identifier: Apache-2.0
#include "kernels/kokkos/segments.hpp"

#include "runtime/base/error.hpp"

namespace talus::kernels::kokkos {

Segments::Segments(std::int64_t in) {
  segments_[count_++] = {0, in, 0, 0};
}

Segments::Segments(LeafSums const& sums) {
  LeafPartition const& partition = sums.partition;
  std::int32_t const leaves = partition.run.last - partition.run.first;
  if (leaves > max_leaves) {
    throw ConfigError{concat(
        "matmul_leaves: ", leaves, " leaves (the kokkos backend has at most ", max_leaves, ')')};
  }
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

}  // namespace talus::kernels::kokkos
