// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/detail/limits.hpp"
#include "kernels/lanes/functions.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::TALUS_TARGET {

/// A stretch of the summed axis that a tile walks in one go, and what becomes of its sums.
struct Segment {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int32_t folds = 0;  ///< older sums on the stack to add to these
  std::int32_t node = -1;  ///< the partial sum that is complete then; -1: push on the stack
  std::int32_t depth = 0;  ///< sums on the stack before it
};

/// Where the sums of the node that a segment completes go: the results, or partial sums.
template <class Product>
[[nodiscard]] MatrixView<float> results_of(Product const& product, Segment const& segment) {
  return product.partials.empty() ? product.y
                                  : product.partials[static_cast<std::size_t>(segment.node)];
}

/// A part [first, last) of the summed axis, and the first segment that it has a part of.
struct SumBlock {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::size_t segment = 0;
  bool is_last = false;
};

/// The segments of one matmul, in order: one of the whole axis, or one for each leaf.
///
/// Leaves are folded as a binary counter carries, so the stack holds at most one sum for each bit
/// of the number of leaves.
class Segments {
 public:
  static constexpr int max_depth = 9;  ///< bits of max_leaves

  /// One sum over [0, in).
  explicit Segments(std::int64_t in);

  /// At most max_leaves of them.
  explicit Segments(LeafSums const& sums);

  [[nodiscard]] std::span<Segment const> all() const noexcept { return {segments_.data(), count_}; }

 private:
  std::array<Segment, max_leaves> segments_;
  std::size_t count_ = 0;
};

/// Where a walk over `segments` that has come to `last` goes on, `size` elements at most.
[[nodiscard]] SumBlock next_block(std::span<Segment const> segments,
                                  SumBlock const& before,
                                  std::int64_t size);

/// Sums on the stack when a block begins; the top one is the block's first segment's own, if that
/// was begun before.
[[nodiscard]] int depth_before(std::span<Segment const> segments, SumBlock const& block);

}  // namespace talus::kernels::TALUS_TARGET
