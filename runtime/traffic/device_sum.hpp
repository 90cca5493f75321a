// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/device_group.hpp"
#include "kernels/peer_sums.hpp"
#include "runtime/traffic/group_traffic.hpp"
#include "runtime/traffic/partial_rows.hpp"

namespace talus::runtime {

/// A sum over leaves between devices: each rank gets all partial sums of a slice of the elements,
/// folds them in the order of the tree, and the slices are gathered. Where a second round costs
/// more than it saves, every rank gets all partial sums and folds everything.
///
/// Says nothing of arrivals: the host doesn't see them.
class DeviceSum final : public LeafSum {
 public:
  /// `devices` outlives it.
  ///
  /// \param max_elements  of the largest sum; equal on all ranks
  /// \param round_bytes   what a round of messages costs, in bytes that could be received instead
  DeviceSum(kernels::ExecContext const& exec,
            kernels::DeviceGroup& devices,
            parallel::SumLayout layout,
            SumTree const& tree,
            std::size_t max_elements,
            double round_bytes);

  [[nodiscard]] std::size_t num_partials() const noexcept override;

  [[nodiscard]] std::span<float> partial(std::size_t node) noexcept override;

  /// The first elements of all of this rank's partial sums.
  ///
  /// \return  [num_partials(), num_elements]
  [[nodiscard]] MatrixView<float const> partials(std::size_t num_elements) const noexcept {
    return partials_.first(num_elements);
  }

  /// How the partial sums of all ranks are folded, and which of them are this rank's.
  [[nodiscard]] kernels::PeerSumPlace place() const;

  parallel::SumArrival sum(std::span<float> result) override;

  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return num_elements <= longest_whole_;
  }

 private:
  using Slice = parallel::SumLayout::Slice;

  void exchange_partials(std::size_t num_elements, Slice mine, bool everywhere);
  void gather_slices(std::span<float> result);

  kernels::ExecContext exec_;
  kernels::DeviceGroup* devices_;
  parallel::SumLayout layout_;
  kernels::FoldOrder order_;
  std::size_t longest_whole_;
  PartialRows partials_;  ///< of this rank's nodes
  PartialRows arrived_;   ///< of all nodes
  std::vector<kernels::DeviceSend> sends_;
  std::vector<kernels::DeviceReceive> receives_;
};

}  // namespace talus::runtime
