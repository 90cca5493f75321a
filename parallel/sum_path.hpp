// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/fold_plan.hpp"
#include "runtime/base/sum_tree.hpp"

/// \file
/// The ways in which a TreeSum's partial sums come together; tree_sum.hpp says what they do.

namespace talus::parallel {

/// Who contributes what to a sum over ranks, and who folds which part of it.
struct SumLayout {
  /// A run of the elements of a sum.
  struct Slice {
    std::size_t first;
    std::size_t size;
  };

  /// \param ranks  of the group
  SumLayout(SumTree const& tree, int rank, int ranks);

  /// What `of_rank` folds where ranks fold slices, which begin at whole cache lines.
  [[nodiscard]] Slice slice_of(int of_rank, std::size_t num_elements) const noexcept;

  [[nodiscard]] Slice my_slice(std::size_t num_elements) const noexcept {
    return slice_of(rank, num_elements);
  }

  /// The size that no slice of `max_elements` or fewer exceeds.
  [[nodiscard]] std::size_t max_slice(std::size_t max_elements) const noexcept;

  /// The most elements for which it is better that every rank folds everything than that ranks fold
  /// slices and gather them.
  ///
  /// \param round_bytes  what the second round costs, in bytes that could be received instead
  [[nodiscard]] std::size_t longest_whole(double round_bytes) const noexcept;

  [[nodiscard]] std::size_t num_nodes_of(int of_rank) const noexcept {
    auto const index = static_cast<std::size_t>(of_rank);
    return first_node[index + 1] - first_node[index];
  }

  int rank;
  int ranks;
  std::vector<LeafRange> my_nodes;
  std::vector<std::size_t> first_node;  ///< [ranks + 1] index of each rank's first node
  FoldPlan plan;                        ///< of all ranks' nodes
};

/// How a rank came to a sum.
struct SumArrival {
  bool came_last = false;  ///< all others' partial sums were there when this rank's were ready
  double wait_s = 0.0;     ///< seconds for which it then waited for others'
};

/// One way of bringing the partial sums together. Creating one is collective, and so is destroying
/// one, unless an exception is on its way.
class SumPath {
 public:
  SumPath() = default;
  SumPath(SumPath const&) = delete;
  SumPath& operator=(SumPath const&) = delete;
  virtual ~SumPath() = default;

  /// Where this rank puts its `node`-th partial sum before the next sum(): [max_elements].
  [[nodiscard]] virtual std::span<float> partial(std::size_t node) noexcept = 0;

  /// As TreeSum::sum.
  virtual SumArrival sum(std::span<float> result) = 0;

  /// As TreeSum::folds_everywhere.
  [[nodiscard]] virtual bool folds_everywhere(std::size_t num_elements) const noexcept = 0;
};

/// Partial sums are sent as messages. Collective over `comm`, which is duplicated.
[[nodiscard]] std::unique_ptr<SumPath> make_message_sum(Communicator const& comm,
                                                        SumTree const& tree,
                                                        std::size_t max_elements);

/// Partial sums are read where they lie, in a window that the ranks share. Collective over `comm`,
/// which is duplicated.
///
/// \return null on all ranks if they are not on one node, or it lacks the shared memory
[[nodiscard]] std::unique_ptr<SumPath> make_shared_sum(Communicator const& comm,
                                                       SumTree const& tree,
                                                       std::size_t max_elements);

}  // namespace talus::parallel
