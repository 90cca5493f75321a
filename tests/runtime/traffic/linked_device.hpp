// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device_links.hpp"
#include "runtime/traffic/mpi_device_group.hpp"

#include "tests/runtime/traffic/shifted_device.hpp"
#include "tests/support/catch.hpp"

namespace talus::runtime {

/// Between devices whose memory MPI can reach only by other addresses.
class ShiftedGroup final : public kernels::DeviceGroup {
 public:
  ShiftedGroup(kernels::ShiftedDevice const& device, parallel::Communicator const& group)
      : device_{&device}, group_{make_mpi_device_group({}, group)} {}

  void exchange(std::span<kernels::DeviceSend const> sends,
                std::span<kernels::DeviceReceive const> receives) override {
    std::vector<kernels::DeviceSend> real_sends{sends.begin(), sends.end()};
    for (kernels::DeviceSend& send : real_sends) {
      send.memory = device_->on_host(send.memory);
    }
    std::vector<kernels::DeviceReceive> real_receives{receives.begin(), receives.end()};
    for (kernels::DeviceReceive& receive : real_receives) {
      receive.memory = device_->on_host(receive.memory);
    }
    group_->exchange(real_sends, real_receives);
  }

 private:
  kernels::ShiftedDevice const* device_;
  std::unique_ptr<kernels::DeviceGroup> group_;
};

/// A device that joins others, in place of NCCL.
class LinkedDevice final : public kernels::ShiftedDevice, private kernels::DeviceLinks {
 public:
  /// \param ranks  of all groups that it joins
  LinkedDevice(parallel::Communicator const& ranks, std::string card, std::string problem)
      : ranks_{&ranks}, card_{std::move(card)}, problem_{std::move(problem)} {}

  [[nodiscard]] kernels::DeviceLinks* links() override { return this; }

 private:
  [[nodiscard]] std::string card() const override { return card_; }

  [[nodiscard]] std::string library() const override { return "fake 1.0"; }

  [[nodiscard]] std::string problem() const override { return problem_; }

  [[nodiscard]] kernels::DeviceGroupId make_id() override { return wanted_id(); }

  [[nodiscard]] std::unique_ptr<kernels::DeviceGroup> join(
      kernels::DeviceGroupPlace const& place) override {
    CHECK(place.id == wanted_id());  // as the first rank made it
    CHECK(place.rank == ranks_->rank());
    CHECK(place.size == ranks_->size());
    return std::make_unique<ShiftedGroup>(*this, *ranks_);
  }

  [[nodiscard]] static kernels::DeviceGroupId wanted_id() {
    kernels::DeviceGroupId id{};
    for (std::size_t i = 0; i < id.size(); ++i) {
      id[i] = static_cast<std::byte>(i * 7 + 1);
    }
    return id;
  }

  parallel::Communicator const* ranks_;
  std::string card_;
  std::string problem_;
};

}  // namespace talus::runtime
