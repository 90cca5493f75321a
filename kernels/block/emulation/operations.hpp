// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "kernels/block/emulation/emulated_device.hpp"
#include "kernels/block/emulation/schedule.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels::block::emulation {

/// The operations of the cuda backend, emulated on the calling thread; those that have no kernel
/// yet are the reference's.
[[nodiscard]] Operations operations() noexcept;

/// Fenced memory of `pool_bytes` bytes, for one rank's engine.
[[nodiscard]] std::unique_ptr<Device> make_device(DeviceOptions const& options);

/// For as long as it lives, the calling thread's operations run by another schedule.
class ScopedSchedule {
 public:
  explicit ScopedSchedule(Schedule schedule);
  ~ScopedSchedule();
  ScopedSchedule(ScopedSchedule const&) = delete;
  ScopedSchedule& operator=(ScopedSchedule const&) = delete;

  /// Kernels that ran since it began.
  [[nodiscard]] std::int64_t num_launches() const noexcept { return device_.num_launches(); }

  /// Results that operations have brought to the host.
  [[nodiscard]] std::int64_t num_downloads() const noexcept { return device_.num_downloads(); }

  /// Launches from now on are written to `log`, which outlives this.
  void log_launches(std::vector<LaunchRecord>& log) noexcept { device_.log_launches(&log); }

 private:
  EmulatedDevice device_;
  EmulatedDevice* before_;
};

}  // namespace talus::kernels::block::emulation
