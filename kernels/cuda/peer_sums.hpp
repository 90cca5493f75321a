// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/block/peer_sum.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/peer_sums.hpp"

namespace talus::kernels::cuda {

/// Sums of GPUs whose processes map each other's memory (CUDA's inter-process handles). Never run
/// on a card yet.
///
/// An inbox is an allocation of its own, not a piece of the pool: a handle gives all of it away.
class CudaPeerSums final : public PeerSums {
 public:
  /// \param device  outlives this
  CudaPeerSums(Device& device, PeerSumPlace const& place);

  ~CudaPeerSums() override { close(); }

  [[nodiscard]] PeerHandle handle() const override;
  void open(std::span<PeerHandle const> inboxes) override;
  void close() noexcept override;
  void sum(MatrixView<float const> partials, std::span<float> sum) override;

 private:
  /// An inbox by the address that it has here: flags, then values.
  [[nodiscard]] block::PeerInbox inbox_at(void* memory) const;

  void launch();

  Device& device_;
  int rank_;
  std::int64_t num_flags_;
  std::int64_t num_values_;
  DeviceMemory memory_;
  std::vector<void*> opened_;  ///< the others' inboxes
  block::PeerSum kernel_;      ///< of the next sum
};

}  // namespace talus::kernels::cuda
