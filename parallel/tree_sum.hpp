// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/sum_path.hpp"
#include "runtime/base/sum_tree.hpp"

namespace talus::parallel {

/// How the partial sums of a TreeSum reach the ranks that fold them.
enum class SumTransport {
  automatic,      ///< shared memory if all ranks are on one node, and it has the memory
  messages,       ///< MPI messages, wherever the ranks are
  shared_memory,  ///< a window that all ranks share, or an error
};

/// The sum over ranks that has the same bits for every number of ranks, and for either transport.
///
/// The sum is defined on the leaves of a SumTree. Rank r of R owns the leaves tree.run_of(r, R) and
/// contributes one partial sum for each of tree.nodes_of(that run); a rank without leaves
/// contributes none. The partial sums are folded in the order of the tree, so the result does not
/// depend on how the leaves are shared out, provided each partial is itself the fold of its leaves.
///
/// Partial sums are put where partial() says: with shared memory the others read them right there.
/// Each rank folds a slice of the n elements, and the slices are gathered: the traffic of a
/// reduce-scatter and an all-gather. Where a second round costs more than it saves (few elements,
/// or two ranks), all ranks read all partials and fold everything. sum() allocates nothing.
class TreeSum {
 public:
  /// Collective over `comm`, which need not outlive this.
  ///
  /// \param max_elements  of the largest sum; equal on all ranks
  /// \throws ConfigError  on all ranks, if shared memory was asked for and can't be had
  /// \throws ApiError     if MPI reports an error
  TreeSum(Communicator const& comm,
          SumTree const& tree,
          std::size_t max_elements,
          SumTransport transport = SumTransport::automatic);

  /// The nodes of this rank, in order: what partial() is asked for. May be empty.
  [[nodiscard]] std::span<LeafRange const> my_nodes() const noexcept { return my_nodes_; }

  /// Where the next sum() expects the partial sum of my_nodes()[node], in its first elements.
  ///
  /// \return  [max_elements]; valid until the next sum(), after which it lies elsewhere
  [[nodiscard]] std::span<float> partial(std::size_t node) noexcept { return path_->partial(node); }

  /// Puts the sum over all leaves into `result`, the same bits on every rank. Collective.
  ///
  /// \param result  [n], n equal on all ranks, at most max_elements; overlaps no partial sum
  /// \return how this rank came to it. By messages a rank counts as last only if they are there at
  ///         its first look, which MPI may give late for long ones
  /// \throws ApiError  if MPI reports an error
  /// Accuracy: exactly the fold of the tree in float32.
  /// Cost: two rounds, n * (num_nodes / ranks + 1) floats read; one round for small n.
  SumArrival sum(std::span<float> result);

  /// Which way sum() takes for `num_elements`: true if every rank folds everything.
  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept {
    return path_->folds_everywhere(num_elements);
  }

  /// What is used: never automatic.
  [[nodiscard]] SumTransport transport() const noexcept { return transport_; }

 private:
  std::vector<LeafRange> my_nodes_;
  std::size_t max_elements_;
  SumTransport transport_;
  std::unique_ptr<SumPath> path_;
};

}  // namespace talus::parallel
