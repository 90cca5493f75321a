// SPDX-License-Identifier: Apache-2.0
#include "parallel/fold_plan.hpp"

#include <algorithm>
#include <cstdint>

#include "parallel/vector_loops.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

namespace {

// Elements folded at a time: the scratch rows of a tree of 64 leaves stay in the first-level cache.
constexpr std::size_t block_elements = 1024;

}  // namespace

FoldPlan::FoldPlan(SumTree const& tree, std::span<LeafRange const> nodes)
    : num_inputs_{nodes.size()} {
  TALUS_EXPECT(!nodes.empty());
  std::vector<std::size_t> stack;
  std::size_t rows = 0;
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    stack.push_back(node);
    for (std::int32_t folds = tree.folds_after(nodes[node], 0); folds > 0; --folds) {
      std::size_t const right = stack.back();
      stack.pop_back();
      std::size_t const row = stack.size() - 1;
      steps_.push_back({stack.back(), right, num_inputs_ + row});
      stack.back() = num_inputs_ + row;
      rows = std::max(rows, row + 1);
    }
  }
  TALUS_EXPECT(stack.size() == 1);
  scratch_.resize(rows * block_elements);
}

void FoldPlan::apply(std::span<float const* const> inputs, std::span<float> result) {
  TALUS_EXPECT(inputs.size() == num_inputs_);
  if (steps_.empty()) {
    if (inputs[0] != result.data()) {
      std::copy_n(inputs[0], result.size(), result.data());
    }
    return;
  }
  for (std::size_t first = 0; first < result.size(); first += block_elements) {
    std::size_t const size = std::min(block_elements, result.size() - first);
    auto const row = [&](std::size_t operand) {
      return scratch_.data() + (operand - num_inputs_) * block_elements;
    };
    auto const values = [&](std::size_t operand) -> float const* {
      return operand < num_inputs_ ? inputs[operand] + first : row(operand);
    };
    for (Step const& step : steps_) {
      bool const is_last = &step == &steps_.back();
      add_values(values(step.left),
                 values(step.right),
                 is_last ? result.data() + first : row(step.out),
                 size);
    }
  }
}

}  // namespace talus::parallel
