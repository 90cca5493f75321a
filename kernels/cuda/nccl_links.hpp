// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/nccl_library.hpp"
#include "kernels/device_links.hpp"

namespace talus::kernels::cuda {

/// A GPU's way to others: NCCL, opened when this is made. Never run on a card yet.
class NcclLinks final : public DeviceLinks {
 public:
  /// \param card    see card()
  /// \param stream  of the GPU, which groups work on; outlives them
  NcclLinks(std::string card, cudaStream_t stream);

  [[nodiscard]] std::string card() const override { return card_; }

  [[nodiscard]] std::string library() const override;

  [[nodiscard]] std::string problem() const override { return nccl_.problem; }

  [[nodiscard]] DeviceGroupId make_id() override;

  [[nodiscard]] std::unique_ptr<DeviceGroup> join(DeviceGroupPlace const& place) override;

 private:
  std::string card_;
  cudaStream_t stream_;
  NcclLibrary nccl_;
};

}  // namespace talus::kernels::cuda
