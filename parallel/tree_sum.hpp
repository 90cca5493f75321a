// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/fold_plan.hpp"
#include "runtime/base/sum_tree.hpp"

namespace talus::parallel {

/// The sum over ranks that has the same bits for every number of ranks.
///
/// The sum is defined on the leaves of a SumTree. Rank r of R owns the leaves tree.run_of(r, R) and
/// contributes one partial sum for each of tree.nodes_of(that run); a rank without leaves
/// contributes none. The partial sums are folded in the order of the tree, so the result does not
/// depend on how the leaves are shared out, provided each partial is itself the fold of its leaves.
///
/// Each rank folds a slice of the n elements, which it gets from all, and the slices are gathered:
/// the traffic of a reduce-scatter and an all-gather. Where a second round of messages costs more
/// than it saves (few elements, or two ranks), all ranks get all partials and fold everything. Work
/// buffers are kept: once the largest n was seen, or reserved, nothing is allocated.
class TreeSum {
 public:
  /// Collective over `comm`, which is duplicated.
  TreeSum(Communicator const& comm, SumTree const& tree);

  /// The nodes of this rank, in order: what `partials` of sum() stands for. May be empty.
  [[nodiscard]] std::span<LeafRange const> my_nodes() const noexcept { return my_nodes_; }

  /// Prepares for results of up to `num_elements`. Local.
  void reserve(std::size_t num_elements);

  /// Puts the sum over all leaves into `result`, the same bits on every rank. Collective.
  ///
  /// \param partials  one pointer for each of my_nodes(), to [n] values; not changed, unless...
  /// \param result    [n], n equal on all ranks; may be one of the partials, else overlaps none
  /// \throws ApiError  if MPI reports an error
  /// Accuracy: exactly the fold of the tree in float32.
  /// Cost: two rounds of messages, n * (num_nodes / ranks + 1) floats received; one round for small
  /// n.
  void sum(std::span<float const* const> partials, std::span<float> result);

  /// As above, where this rank has exactly one node.
  void sum(float const* partial, std::span<float> result) { sum({&partial, 1}, result); }

  /// Which way sum() takes for `num_elements`: true if every rank folds everything.
  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept;

 private:
  struct Slice {
    std::size_t first;
    std::size_t size;
  };

  [[nodiscard]] Slice slice_of(int rank, std::size_t num_elements) const noexcept;
  void exchange_partials(std::span<float const* const> partials, std::size_t num_elements);
  void gather_slices(std::span<float> result);
  void fold_all(std::span<float const* const> partials, std::span<float> result);
  [[nodiscard]] std::size_t buffer_size(std::size_t num_elements) const noexcept;

  Communicator comm_;
  std::vector<LeafRange> my_nodes_;
  std::vector<std::size_t> first_node_;  // [ranks + 1] index of each rank's first node
  FoldPlan plan_;
  std::vector<float> received_;       // the others' partials, node after node
  std::vector<float const*> inputs_;  // [nodes] where each partial lies
  std::vector<MPI_Request> requests_;
};

}  // namespace talus::parallel
