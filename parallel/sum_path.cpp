// SPDX-License-Identifier: Apache-2.0
#include "parallel/sum_path.hpp"

#include <limits>

namespace talus::parallel {

namespace {

// Floats of a cache line.
constexpr std::size_t slice_unit = 16;

std::vector<LeafRange> nodes_of(SumTree const& tree, int rank, int ranks) {
  return tree.nodes_of(tree.run_of(rank, ranks));
}

std::vector<LeafRange> nodes_of_all(SumTree const& tree, int ranks) {
  std::vector<LeafRange> all;
  for (int rank = 0; rank < ranks; ++rank) {
    std::vector<LeafRange> const nodes = nodes_of(tree, rank, ranks);
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  return all;
}

}  // namespace

SumLayout::SumLayout(SumTree const& tree, int own_rank, int num_ranks)
    : rank{own_rank},
      ranks{num_ranks},
      my_nodes{nodes_of(tree, rank, ranks)},
      first_node{0},
      plan{tree, nodes_of_all(tree, ranks)} {
  for (int other = 0; other < ranks; ++other) {
    first_node.push_back(first_node.back() + nodes_of(tree, other, ranks).size());
  }
}

SumLayout::Slice SumLayout::slice_of(int of_rank, std::size_t num_elements) const noexcept {
  auto const parts = static_cast<std::size_t>(ranks);
  auto const cut = [&](std::size_t part) {
    return part == parts ? num_elements : num_elements * part / parts / slice_unit * slice_unit;
  };
  auto const index = static_cast<std::size_t>(of_rank);
  return {cut(index), cut(index + 1) - cut(index)};
}

std::size_t SumLayout::longest_whole(double round_bytes) const noexcept {
  auto const nodes = static_cast<double>(plan.num_inputs());
  double const others = (ranks - 1.0) / ranks;
  // Received by a rank: everything, against a slice of everything and the other slices of the sum.
  double const saved = others * nodes - others * (nodes / ranks + 1);
  double const element_bytes = sizeof(float);
  return saved > 0 ? static_cast<std::size_t>(round_bytes / (saved * element_bytes))
                   : std::numeric_limits<std::size_t>::max();
}

std::size_t SumLayout::max_slice(std::size_t max_elements) const noexcept {
  // Both cuts are rounded, so that fewer elements can make a longer slice.
  return max_elements / static_cast<std::size_t>(ranks) + 2 * slice_unit;
}

}  // namespace talus::parallel
