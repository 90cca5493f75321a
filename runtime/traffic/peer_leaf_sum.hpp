// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/peer_sums.hpp"
#include "parallel/communicator.hpp"
#include "runtime/traffic/device_sum.hpp"

namespace talus::runtime {

/// Sums between devices of one host: short ones in one launch, by memory that all reach; others as
/// DeviceSum. The bits are the same.
class PeerLeafSum final : public LeafSum {
 public:
  /// Destroying it is collective over `group`, which outlives it, unless an exception is on its
  /// way.
  PeerLeafSum(kernels::ExecContext const& exec,
              parallel::Communicator const& group,
              std::unique_ptr<DeviceSum> others,
              std::unique_ptr<kernels::PeerSums> peers);
  ~PeerLeafSum() override;

  [[nodiscard]] std::size_t num_partials() const noexcept override {
    return others_->num_partials();
  }

  [[nodiscard]] std::span<float> partial(std::size_t node) noexcept override {
    return others_->partial(node);
  }

  parallel::SumArrival sum(std::span<float> result) override;

  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return is_short(num_elements) || others_->folds_everywhere(num_elements);
  }

 private:
  [[nodiscard]] static bool is_short(std::size_t num_elements) noexcept {
    return static_cast<std::int64_t>(num_elements) <= kernels::max_peer_elements;
  }

  kernels::ExecContext exec_;
  parallel::Communicator const* group_;
  std::unique_ptr<DeviceSum> others_;
  std::unique_ptr<kernels::PeerSums> peers_;
};

/// Inboxes that the devices of a group's ranks all reach, opened; null on all ranks where they are
/// on several hosts, too many, or can't. Collective over `group`.
///
/// \param place  of this rank
[[nodiscard]] std::unique_ptr<kernels::PeerSums> open_peer_sums(kernels::ExecContext const& exec,
                                                                parallel::Communicator const& group,
                                                                kernels::PeerSumPlace const& place);

}  // namespace talus::runtime
