// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace talus::kernels {

/// Memory of the host that a device copies to, while the host does other things.
///
/// Made once by Device::make_fetch() and used again and again; the device outlives it.
class DeviceFetch {
 public:
  DeviceFetch() = default;
  DeviceFetch(DeviceFetch const&) = delete;
  DeviceFetch& operator=(DeviceFetch const&) = delete;
  virtual ~DeviceFetch() = default;

  /// Queues a copy behind what was queued before. What an earlier copy brought is gone.
  ///
  /// \param bytes  at most as many as it was made for
  /// \throws ConfigError  while work is recorded
  virtual void start(void const* from, std::int64_t bytes) = 0;

  /// Waits for the copy that was queued last, and not for what was queued behind it.
  ///
  /// \return what it brought; good until the next start()
  [[nodiscard]] virtual std::span<std::byte const> wait() = 0;
};

}  // namespace talus::kernels
