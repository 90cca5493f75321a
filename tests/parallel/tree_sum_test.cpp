// SPDX-License-Identifier: Apache-2.0
#include "parallel/tree_sum.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "parallel/collectives.hpp"

#include "tests/support/catch.hpp"

using talus::LeafRange;
using talus::SumTree;
using talus::parallel::Communicator;
using talus::parallel::TreeSum;

namespace {

using Values = std::vector<float>;

// What leaf `leaf` contributes: magnitudes far apart, so that a sum in another order has other
// bits.
Values leaf_values(std::int32_t leaf, std::size_t size) {
  Values values(size);
  std::uint32_t state = 2463534242U + 7919U * static_cast<std::uint32_t>(leaf);
  for (float& value : values) {
    state ^= state << 13U;
    state ^= state >> 17U;
    state ^= state << 5U;
    float const mantissa = static_cast<float>(state >> 8U) / 16777216.0F - 0.5F;
    value = mantissa * static_cast<float>(1U << (state % 13U));
  }
  return values;
}

// The definition of the sum, by recursion: the node over [first, first + size) of the leaves.
std::optional<Values> node_sum(LeafRange node, std::int32_t size, std::size_t num_values) {
  if (node.first >= node.last) {
    return std::nullopt;
  }
  if (size == 1) {
    return leaf_values(node.first, num_values);
  }
  std::int32_t const middle = std::min(node.first + size / 2, node.last);
  std::optional<Values> left = node_sum({node.first, middle}, size / 2, num_values);
  std::optional<Values> const right = node_sum({middle, node.last}, size / 2, num_values);
  if (right) {
    std::transform(left->begin(), left->end(), right->begin(), left->begin(), std::plus<>{});
  }
  return left;
}

Values node_sum(LeafRange node, std::size_t num_values) {
  auto const leaves = static_cast<std::uint32_t>(node.last - node.first);
  return *node_sum(node, static_cast<std::int32_t>(std::bit_ceil(leaves)), num_values);
}

// The partial sums of this rank's nodes, and pointers to them.
struct Partials {
  Partials(TreeSum const& sum, std::size_t num_values) {
    for (LeafRange const node : sum.my_nodes()) {
      values.push_back(node_sum(node, num_values));
    }
    for (Values const& partial : values) {
      pointers.push_back(partial.data());
    }
  }

  std::vector<Values> values;
  std::vector<float const*> pointers;
};

bool same_bits(Values const& a, Values const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("the sum has the bits of the tree, for groups of every size") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  int const world_size = world.size();
  int const group_size = GENERATE_COPY(range(1, world_size + 1));
  std::int32_t const num_leaves = GENERATE(1, 2, 3, 6, 7, 12, 32);
  std::size_t const num_values = GENERATE(std::size_t{0}, 1U, 5U, 700U, 20'011U);
  Communicator const group = world.split(world.rank() / group_size, world.rank());
  SumTree const tree{num_leaves};
  TreeSum sum{group, tree};
  Partials const partials{sum, num_values};
  Values result(num_values, -1.0F);

  sum.sum(partials.pointers, result);

  CHECK(same_bits(result, node_sum({0, num_leaves}, num_values)));
}

TEST_CASE("both ways of summing are taken, and by all ranks alike") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  TreeSum const sum{world, SumTree{12}};

  CHECK(sum.folds_everywhere(16));
  CHECK(sum.folds_everywhere(1 << 20) == (world.size() <= 1));
}

TEST_CASE("one object sums again and again, with sizes that change") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  TreeSum sum{world, SumTree{8}};
  sum.reserve(10'000);

  for (std::size_t const num_values : {10'000U, 3U, 9'999U, 64U, 10'000U, 17U}) {
    Partials const partials{sum, num_values};
    Values result(num_values);
    sum.sum(partials.pointers, result);
    CHECK(same_bits(result, node_sum({0, 8}, num_values)));
  }
}

TEST_CASE("the result may be one of the partials") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  std::size_t const num_values = GENERATE(100U, 30'000U);
  TreeSum sum{world, SumTree{world.size()}};
  Partials partials{sum, num_values};
  Values& mine = partials.values.front();

  sum.sum(mine.data(), mine);

  CHECK(same_bits(mine, node_sum({0, world.size()}, num_values)));
}

TEST_CASE("the order matters in these values, so that equal bits prove it") {
  constexpr std::size_t num_values = 1000;
  Values in_order(num_values, 0.0F);
  for (std::int32_t leaf = 0; leaf < 8; ++leaf) {
    Values const values = leaf_values(leaf, num_values);
    std::transform(values.begin(), values.end(), in_order.begin(), in_order.begin(), std::plus<>{});
  }

  CHECK_FALSE(same_bits(in_order, node_sum({0, 8}, num_values)));
}
