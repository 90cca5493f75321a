// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/cuda/device.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/peer_access.hpp"

namespace talus::kernels::cuda {

/// Memory of GPUs whose processes map each other's (CUDA's inter-process handles). Never run on a
/// card yet.
///
/// It is an allocation of its own, not a piece of the pool: a handle gives all of it away.
class CudaPeerMemory final : public PeerMemory {
 public:
  /// \param device  outlives this
  CudaPeerMemory(Device& device, PeerMemoryPlace const& place);

  ~CudaPeerMemory() override { close(); }

  [[nodiscard]] PeerHandle handle() const override;
  void open(std::span<PeerHandle const> peers) override;
  void close() noexcept override;

  [[nodiscard]] std::byte* at(int rank) const override {
    return static_cast<std::byte*>(peers_[static_cast<std::size_t>(rank)]);
  }

 private:
  int rank_;
  DeviceMemory memory_;
  std::vector<void*> peers_;  ///< by rank
};

}  // namespace talus::kernels::cuda
