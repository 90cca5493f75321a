// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "kernels/device.hpp"

namespace talus::kernels {

/// Work that a device was asked for once, and can do again as a whole: the same launches on the
/// same memory, without the host's part in each of them.
///
/// What it reads and writes is what is there when it is replayed. What operations were told by
/// arrays of the host that have no mirror stays as it was. The device outlives it; the memory that
/// its operations were given must not have been released.
class DeviceRecording {
 public:
  DeviceRecording() = default;
  DeviceRecording(DeviceRecording const&) = delete;
  DeviceRecording& operator=(DeviceRecording const&) = delete;
  virtual ~DeviceRecording() = default;

  /// Queues all of it behind what was queued before.
  virtual void replay() = 0;
};

/// A device that records for a scope, unless it ends by finish(): then nothing is kept.
class RecordingScope {
 public:
  /// \pre device.can_record()
  explicit RecordingScope(Device& device) : device_{&device} { device.begin_recording(); }

  ~RecordingScope() {
    if (device_ != nullptr) {
      device_->cancel_recording();
    }
  }

  RecordingScope(RecordingScope const&) = delete;
  RecordingScope& operator=(RecordingScope const&) = delete;

  /// What was asked of the device since the scope began.
  ///
  /// \throws ApiError  of the device's library
  [[nodiscard]] std::unique_ptr<DeviceRecording> finish() {
    return std::exchange(device_, nullptr)->end_recording();
  }

 private:
  Device* device_;
};

}  // namespace talus::kernels
