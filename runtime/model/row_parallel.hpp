// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/packed_weights.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/step_clock.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Linear maps whose input is cut over the tensor-parallel ranks: each rank's partial sums over its
/// leaves, then the fixed-tree sum over ranks. Shared by all layers with the same number of leaves.
class RowParallel {
 public:
  /// Collective over `tp`.
  ///
  /// \param max_elements  tokens * outputs of the largest result
  RowParallel(kernels::ExecContext const& exec,
              GroupTraffic& tp,
              LeafCut const& cut,
              std::int64_t max_elements);

  /// y = x w^T, summed over all ranks; the same bits on each. Collective over the group.
  ///
  /// \param x        [tokens, this rank's columns]
  /// \param w        [outputs, this rank's columns]
  /// \param y        [tokens, outputs], contiguous
  void apply(LeafCut const& cut,
             MatrixView<float const> x,
             kernels::PackedWeights const& w,
             MatrixView<float> y,
             StepClock& clock);

 private:
  [[nodiscard]] std::int64_t bytes_sent(std::size_t elements) const noexcept;

  kernels::ExecContext exec_;
  std::int32_t num_ranks_;
  std::unique_ptr<LeafSum> sum_;          // none where one rank has all leaves
  std::vector<MatrixView<float>> views_;  // one for each of this rank's nodes
};

}  // namespace talus::runtime
