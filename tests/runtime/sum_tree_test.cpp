// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/sum_tree.hpp"

#include <random>
#include <vector>

#include "tests/support/catch.hpp"

using talus::LeafRange;
using talus::SumTree;

namespace {

/// The definition, by recursion over the node [begin, begin + size).
float sum_of_node(std::vector<float> const& leaves, std::size_t begin, std::size_t size) {
  if (size == 1) {
    return leaves[begin];
  }
  float const left = sum_of_node(leaves, begin, size / 2);
  std::size_t const middle = begin + size / 2;
  return middle < leaves.size() ? left + sum_of_node(leaves, middle, size / 2) : left;
}

float sum_by_definition(std::vector<float> const& leaves) {
  std::size_t size = 1;
  while (size < leaves.size()) {
    size *= 2;
  }
  return sum_of_node(leaves, 0, size);
}

/// Pushes the given nodes' values and folds as the tree says.
class Stack {
 public:
  Stack(SumTree const& tree, std::int32_t first) : tree_{&tree}, first_{first} {}

  void push(LeafRange node, float value) {
    values_.push_back(value);
    for (std::int32_t folds = tree_->folds_after(node, first_); folds > 0; --folds) {
      float const right = values_.back();
      values_.pop_back();
      values_.back() += right;
    }
  }

  float only() const {
    REQUIRE(values_.size() == 1);
    return values_.front();
  }

 private:
  SumTree const* tree_;
  std::int32_t first_;
  std::vector<float> values_;
};

std::vector<float> random_leaves(std::int32_t count) {
  std::mt19937 engine{static_cast<unsigned>(count)};
  std::normal_distribution<float> normal;
  std::vector<float> leaves(static_cast<std::size_t>(count));
  for (float& leaf : leaves) {
    leaf = normal(engine) * 1000.0F;
  }
  return leaves;
}

}  // namespace

TEST_CASE("any cut of the leaves over parts gives the bits of the definition") {
  std::int32_t const num_leaves = GENERATE(range(1, 40));
  std::int32_t const num_parts = GENERATE(1, 2, 3, 4, 5, 6, 8, 12, 48);
  SumTree const tree{num_leaves};
  std::vector<float> const leaves = random_leaves(num_leaves);

  Stack whole{tree, 0};
  for (std::int32_t part = 0; part < num_parts; ++part) {
    for (LeafRange const node : tree.nodes_of(tree.run_of(part, num_parts))) {
      Stack inside{tree, node.first};
      for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
        inside.push({leaf, leaf + 1}, leaves[static_cast<std::size_t>(leaf)]);
      }
      whole.push(node, inside.only());
    }
  }

  CHECK(whole.only() == sum_by_definition(leaves));
}

TEST_CASE("a part whose sizes nest owns one node of the tree") {
  SumTree const tree{32};
  int const num_parts = GENERATE(1, 2, 4, 8, 16, 32);
  for (int part = 0; part < num_parts; ++part) {
    CHECK(tree.nodes_of(tree.run_of(part, num_parts)).size() == 1);
  }
}

TEST_CASE("leaves cover an axis without splitting a unit") {
  std::int32_t const num_leaves = GENERATE(1, 3, 7, 32);
  std::int32_t next = 0;
  for (std::int32_t leaf = 0; leaf < num_leaves; ++leaf) {
    LeafRange const extent = talus::leaf_extent(leaf, num_leaves, 24 * 5, 5);
    CHECK(extent.first == next);
    CHECK(extent.first % 5 == 0);
    next = extent.last;
  }
  CHECK(next == 24 * 5);
}
