// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "kernels/device.hpp"
#include "kernels/device_waits.hpp"
#include "parallel/call_log.hpp"

namespace talus::runtime {

/// Says in a rank's log where it is while the host waits for its device: in the call between ranks
/// that it queued there last, until all that was queued is done. For the thread that calls MPI.
class DeviceCalls final : public kernels::DeviceWaits {
 public:
  /// \param device  outlives this; null: there is none
  explicit DeviceCalls(kernels::Device* device) noexcept : device_{device} {
    if (device_ != nullptr) {
      device_->set_waits(this);
    }
  }

  ~DeviceCalls() override {
    if (device_ != nullptr) {
      device_->set_waits(nullptr);
    }
  }

  /// A call was queued on the device.
  void queued(parallel::CallTicket const& ticket) noexcept { last_ = ticket; }

  void begin() noexcept override {
    if (last_) {
      waiting_.emplace(*last_);
    }
  }

  void end(kernels::Waited waited) noexcept override {
    waiting_.reset();
    if (waited == kernels::Waited::for_all) {
      last_.reset();
    }
  }

 private:
  kernels::Device* device_;
  std::optional<parallel::CallTicket> last_;
  std::optional<parallel::WaitScope> waiting_;
};

}  // namespace talus::runtime
