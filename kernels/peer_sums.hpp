// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/fold_partials.hpp"
#include "kernels/peer_access.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// A device's part in sums over ranks.
struct PeerSumPlace {
  FoldOrder order;
  int rank = 0;
  int num_ranks = 1;
  std::int32_t first_partial = 0;  ///< of this rank, among those of all
  std::int64_t max_elements = 0;   ///< of the largest sum, at most max_peer_elements
};

/// Elements of a PeerSums' largest sum: what all blocks of a launch that run at a time can do on
/// the smallest card.
inline constexpr std::int64_t max_peer_elements = 32768;

/// Sums over ranks whose devices reach each other's memory: each puts its partial sums where the
/// others find them, and all fold all of them, in the order of the tree. For short sums, where one
/// launch that waits for the others' is faster than a library's messages.
class PeerSums : public PeerAccess {
 public:
  /// Queues a sum, which all ranks do in the same order. Behind open().
  ///
  /// \param partials  [this rank's, n]
  /// \param sum       [n], n > 0, at most max_elements
  virtual void sum(MatrixView<float const> partials, std::span<float> sum) = 0;
};

}  // namespace talus::kernels
