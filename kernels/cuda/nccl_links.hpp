// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/nccl_library.hpp"
#include "kernels/device_links.hpp"

namespace talus::kernels::cuda {

class Device;

/// A GPU's way to others: NCCL, opened when this is made. Never run on a card yet.
class NcclLinks final : public DeviceLinks {
 public:
  /// \param card    see card()
  /// \param device  outlives this, and what is made here
  NcclLinks(std::string card, Device& device);

  [[nodiscard]] std::string card() const override { return card_; }

  [[nodiscard]] std::string library() const override;

  [[nodiscard]] std::string problem() const override { return nccl_.problem; }

  [[nodiscard]] DeviceGroupId make_id() override;

  [[nodiscard]] std::unique_ptr<DeviceGroup> join(DeviceGroupPlace const& place) override;

  [[nodiscard]] std::unique_ptr<PeerMemory> make_peer_memory(PeerMemoryPlace const& place) override;

  [[nodiscard]] std::unique_ptr<PeerSums> make_peer_sums(PeerSumPlace const& place) override;

 private:
  std::string card_;
  Device& device_;
  NcclLibrary nccl_;
};

}  // namespace talus::kernels::cuda
