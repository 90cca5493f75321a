// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/block/peer_sum.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/peer_memory.hpp"
#include "kernels/peer_sums.hpp"

namespace talus::kernels::cuda {

/// Sums of GPUs whose processes map each other's memory. Never run on a card yet.
class CudaPeerSums final : public PeerSums {
 public:
  /// \param device  outlives this
  CudaPeerSums(Device& device, PeerSumPlace const& place);

  [[nodiscard]] PeerHandle handle() const override { return inboxes_.handle(); }

  void open(std::span<PeerHandle const> peers) override;

  void close() noexcept override { inboxes_.close(); }

  void sum(MatrixView<float const> partials, std::span<float> sum) override;

 private:
  /// An inbox by the address that it has here: flags, then values.
  [[nodiscard]] block::PeerInbox inbox_at(std::byte* memory) const;

  void launch();

  Device& device_;
  std::int64_t num_flags_;
  std::int64_t num_values_;
  CudaPeerMemory inboxes_;
  block::PeerSum kernel_;  ///< of the next sum
};

}  // namespace talus::kernels::cuda
