// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::kernels {

/// Seconds of a device.
struct DeviceTimes {
  double busy = 0.0;  ///< within spans, each from its first to its last operation
  double idle = 0.0;  ///< between one span and the next
};

/// Takes the times at which a device begins and ends what it is asked for, without waiting for it.
///
/// The device outlives it. Not while work is recorded.
class DeviceTimer {
 public:
  DeviceTimer() = default;
  DeviceTimer(DeviceTimer const&) = delete;
  DeviceTimer& operator=(DeviceTimer const&) = delete;
  virtual ~DeviceTimer() = default;

  /// A span begins with what is queued from now on.
  virtual void begin() = 0;

  /// It ends with what was queued last.
  virtual void end() = 0;

  /// The times of the spans that are done by now and were not told yet, in sum.
  [[nodiscard]] virtual DeviceTimes take() = 0;
};

}  // namespace talus::kernels
