// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::kernels {

/// What a host has waited for.
enum class Waited {
  for_all,   ///< that was queued
  for_some,  ///< of it
};

/// Who is told that the host waits for a device: for work that may itself wait for other devices.
class DeviceWaits {
 public:
  DeviceWaits() = default;
  DeviceWaits(DeviceWaits const&) = delete;
  DeviceWaits& operator=(DeviceWaits const&) = delete;
  virtual ~DeviceWaits() = default;

  /// The host begins to wait.
  virtual void begin() noexcept = 0;

  /// It waits no longer, be it for an error.
  virtual void end(Waited waited) noexcept = 0;
};

/// While it lives, the host waits.
class DeviceWaitScope {
 public:
  /// \param waits  null: nobody is told
  DeviceWaitScope(DeviceWaits* waits, Waited waited) noexcept : waits_{waits}, waited_{waited} {
    if (waits_ != nullptr) {
      waits_->begin();
    }
  }

  ~DeviceWaitScope() {
    if (waits_ != nullptr) {
      waits_->end(waited_);
    }
  }

  DeviceWaitScope(DeviceWaitScope const&) = delete;
  DeviceWaitScope& operator=(DeviceWaitScope const&) = delete;

 private:
  DeviceWaits* waits_;
  Waited waited_;
};

}  // namespace talus::kernels
