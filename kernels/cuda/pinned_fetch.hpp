// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/cuda/device.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/device_fetch.hpp"

namespace talus::kernels::cuda {

/// Copies to pinned memory on the device's stream, each with an event behind it. Never run on a
/// card yet.
class PinnedFetch final : public DeviceFetch {
 public:
  /// \param device  outlives this
  /// \throws ApiError  if the driver has no such memory
  PinnedFetch(Device& device, std::int64_t bytes);

  void start(void const* from, std::int64_t bytes) override;
  [[nodiscard]] std::span<std::byte const> wait() override;

 private:
  Device& device_;
  std::int64_t most_bytes_;
  std::int64_t bytes_ = 0;
  PinnedMemory memory_;
  Event done_;
};

}  // namespace talus::kernels::cuda
