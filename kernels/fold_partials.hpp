// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/base/sum_tree.hpp"

namespace talus::kernels {

/// Partial sums that one fold takes at most.
inline constexpr int max_partials = 512;

/// The additions that make the sum over all leaves of a SumTree out of partial sums of its nodes.
struct FoldOrder {
  std::int32_t num_partials = 0;
  /// For each partial sum, how many on the stack are added to it, the newest first.
  std::uint8_t folds[std::size_t{max_partials}] = {};
};

/// \param nodes  what the partial sums are of, in order; they cover all leaves
/// \throws ConfigError  if they are more than max_partials
[[nodiscard]] FoldOrder fold_order(SumTree const& tree, std::span<LeafRange const> nodes);

/// sum[i] = the fold of partials[0, i], partials[1, i], ... in the order of the tree.
///
/// \param partials  [order.num_partials, n]
/// \param sum       [n]; overlaps no partial sum
/// \throws ConfigError  if sizes differ
/// Accuracy: exactly the fold of the tree in float32, the same bits on every backend.
void fold_partials(ExecContext const& exec,
                   FoldOrder const& order,
                   MatrixView<float const> partials,
                   std::span<float> sum);

}  // namespace talus::kernels
