// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace talus {

/// A run of leaves [first, last) of the canonical sum.
struct LeafRange {
  std::int32_t first = 0;
  std::int32_t last = 0;

  friend bool operator==(LeafRange const&, LeafRange const&) = default;
};

/// The one order in which the leaves of a cut sum are combined, whoever owns them.
///
/// A sum that tensor parallelism cuts is defined on `num_leaves` leaves, each summed in order in
/// float32, combined by the binary tree in which the node over the leaves [a, a + 2^k), a a
/// multiple of 2^k, is the sum of its two halves, left plus right; a half without leaves is left
/// out. A rank owns a run of leaves and contributes one partial sum for each of the largest nodes
/// inside it.
class SumTree {
 public:
  /// \pre num_leaves >= 1
  explicit SumTree(std::int32_t num_leaves);

  [[nodiscard]] std::int32_t num_leaves() const noexcept { return num_leaves_; }

  /// The leaves that part `part` of `num_parts` owns; the parts cover all leaves in order, and
  /// their sizes differ by one at most.
  [[nodiscard]] LeafRange run_of(std::int32_t part, std::int32_t num_parts) const;

  /// The largest nodes of the tree that lie inside `run`, in order; they cover it.
  [[nodiscard]] std::vector<LeafRange> nodes_of(LeafRange run) const;

  /// How many times the last two partial sums of a stack are to be added (the older one plus the
  /// newer one) once the leaf or node `node` was pushed on it.
  ///
  /// The stack began empty at leaf `first`, and nodes were pushed in order since. Folding so is the
  /// carry of a binary counter, and leaves one value when a node that began at `first` is complete.
  [[nodiscard]] std::int32_t folds_after(LeafRange node, std::int32_t first) const;

 private:
  std::int32_t num_leaves_;
};

/// Elements [first, last) of an axis of `extent` elements that leaf `leaf` of `num_leaves` covers.
///
/// Every cut is rounded down to a multiple of `unit` (a head, or 1), so that a leaf never splits
/// one. \pre extent is a multiple of unit
[[nodiscard]] LeafRange leaf_extent(std::int32_t leaf,
                                    std::int32_t num_leaves,
                                    std::int32_t extent,
                                    std::int32_t unit);

}  // namespace talus
