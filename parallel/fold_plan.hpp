// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/base/sum_tree.hpp"

namespace talus::parallel {

/// The additions, in order, that fold partial sums of nodes of a SumTree into the sum of all
/// leaves.
class FoldPlan {
 public:
  /// \param nodes  partial sums that will be given, in order; they cover all leaves of `tree`
  FoldPlan(SumTree const& tree, std::span<LeafRange const> nodes);

  /// How many partial sums apply() takes.
  [[nodiscard]] std::size_t num_inputs() const noexcept { return num_inputs_; }

  /// result[i] = the fold of inputs[0][i], inputs[1][i], ...
  ///
  /// \param inputs  [num_inputs()] pointers to [n] values each
  /// \param result  [n]; may be one of the inputs, else overlaps none
  void apply(std::span<float const* const> inputs, std::span<float> result);

 private:
  // Operands: an input if below num_inputs_, else a scratch row. The last step's sum is the result.
  struct Step {
    std::size_t left;
    std::size_t right;
    std::size_t out;
  };

  std::size_t num_inputs_;
  std::vector<Step> steps_;
  std::vector<float> scratch_;  // [rows, block]
};

}  // namespace talus::parallel
