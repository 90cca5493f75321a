// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device_links.hpp"
#include "parallel/collectives.hpp"
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

/// Sums of devices whose memory the host has, by messages: in place of inboxes that all reach.
class MessagePeerSums final : public kernels::PeerSums {
 public:
  MessagePeerSums(kernels::ShiftedDevice& device,
                  parallel::Communicator const& group,
                  kernels::PeerSumPlace const& place)
      : device_{&device}, group_{&group}, place_{place} {}

  [[nodiscard]] kernels::PeerHandle handle() const override {
    return {static_cast<std::byte>(place_.rank + 1)};
  }

  void open(std::span<kernels::PeerHandle const> inboxes) override {
    CHECK(std::ssize(inboxes) == group_->size());
    for (std::size_t rank = 0; rank < inboxes.size(); ++rank) {
      CHECK(inboxes[rank][0] == static_cast<std::byte>(rank + 1));
    }
    is_open_ = true;
  }

  void close() noexcept override { is_open_ = false; }

  void sum(MatrixView<float const> partials, std::span<float> sum) override {
    CHECK(is_open_);
    CHECK(std::ssize(sum) <= place_.max_elements);
    ++device_->num_peer_sums;
    std::vector<float> mine;
    for (std::int64_t row = 0; row < partials.rows; ++row) {
      float const* const first = partials.data + row * partials.row_stride;
      mine.insert(mine.end(), first, first + partials.cols);
    }
    std::vector<int> counts(static_cast<std::size_t>(group_->size()));
    std::vector<int> offsets(counts.size());
    int const own = static_cast<int>(mine.size());
    parallel::all_gather<int>(*group_, {&own, 1}, std::span{counts});
    auto const total = static_cast<std::size_t>(parallel::pack_blocks(counts, offsets));
    std::vector<float> all(total);
    parallel::all_gather_v<float>(*group_, mine, std::span{all}, {counts, offsets});
    kernels::fold_partials({},
                           place_.order,
                           {all.data(), place_.order.num_partials, partials.cols, partials.cols},
                           sum);
  }

 private:
  kernels::ShiftedDevice* device_;
  parallel::Communicator const* group_;
  kernels::PeerSumPlace place_;
  bool is_open_ = false;
};

/// A device that joins others, in place of NCCL.
class LinkedDevice final : public kernels::ShiftedDevice, private kernels::DeviceLinks {
 public:
  /// \param ranks  of all groups that it joins
  /// \param shift   see ShiftedDevice
  LinkedDevice(parallel::Communicator const& ranks,
               std::string card,
               std::string problem,
               std::uintptr_t shift = nowhere)
      : ShiftedDevice{shift},
        ranks_{&ranks},
        card_{std::move(card)},
        problem_{std::move(problem)} {}

  [[nodiscard]] kernels::DeviceLinks* links() override { return this; }

  /// Whether it reaches the others' memory.
  bool reaches_peers = false;

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

  [[nodiscard]] std::unique_ptr<kernels::PeerSums> make_peer_sums(
      kernels::PeerSumPlace const& place) override {
    return reaches_peers ? std::make_unique<MessagePeerSums>(*this, *ranks_, place) : nullptr;
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
