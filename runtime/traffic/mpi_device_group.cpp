// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/mpi_device_group.hpp"

#include <vector>

#include "kernels/device.hpp"
#include "parallel/exchange.hpp"

namespace talus::runtime {
namespace {

class MpiDeviceGroup final : public kernels::DeviceGroup {
 public:
  MpiDeviceGroup(kernels::ExecContext const& exec, parallel::Communicator const& group)
      : device_{exec.device}, exchange_{group} {}

  void exchange(std::span<kernels::DeviceSend const> sends,
                std::span<kernels::DeviceReceive const> receives) override {
    if (device_ != nullptr) {
      device_->synchronize();
    }
    sends_.clear();
    receives_.clear();
    for (kernels::DeviceSend const& send : sends) {
      sends_.push_back({send.peer, send.memory, static_cast<std::size_t>(send.bytes)});
    }
    for (kernels::DeviceReceive const& receive : receives) {
      receives_.push_back({receive.peer, receive.memory, static_cast<std::size_t>(receive.bytes)});
    }
    exchange_.run(sends_, receives_);
  }

 private:
  kernels::Device* device_;
  parallel::ByteExchange exchange_;
  std::vector<parallel::SentBytes> sends_;
  std::vector<parallel::ReceivedBytes> receives_;
};

}  // namespace

std::unique_ptr<kernels::DeviceGroup> make_mpi_device_group(kernels::ExecContext const& exec,
                                                            parallel::Communicator const& group) {
  return std::make_unique<MpiDeviceGroup>(exec, group);
}

}  // namespace talus::runtime
