// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "kernels/device_group.hpp"
#include "parallel/call_log.hpp"
#include "runtime/traffic/device_calls.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// What both ends of a channel between two devices have.
struct DeviceChannel {
  std::unique_ptr<kernels::DeviceGroup> own;  ///< of the two alone; null: it is another's
  kernels::DeviceGroup* devices = nullptr;
  int peer = 0;                  ///< in that group
  parallel::CallGroup messages;  ///< this channel's, in the log of calls
  DeviceCalls* calls = nullptr;

  /// The next message is queued on the device.
  void queue(char const* what) const { is_queued(messages.enter(what)); }

  void is_queued(parallel::CallTicket const& ticket) const {
    if (calls != nullptr) {
      calls->queued(ticket);
    }
  }
};

class DeviceChannelSender final : public ActivationSender {
 public:
  /// \param max_bytes  of a message
  DeviceChannelSender(DeviceChannel channel, kernels::SenderOptions const& options)
      : channel_{std::move(channel)} {
    if (channel_.own) {
      aside_ = channel_.own->make_sender(channel_.peer, options);
    }
  }

  // Whatever is to change the array is queued behind.
  void send(std::span<float const> values) override {
    if (values.empty()) {
      return;
    }
    auto const bytes = static_cast<std::int64_t>(values.size_bytes());
    if (aside_) {
      channel_.messages.count_up();
      aside_->send(values.data(), bytes);
      return;
    }
    channel_.queue("send to stage");
    kernels::DeviceSend const send{channel_.peer, values.data(), bytes};
    channel_.devices->exchange({&send, 1}, {});
  }

  void finish() override {
    if (aside_) {
      channel_.is_queued(channel_.messages.expect("send to stage", channel_.messages.count()));
      aside_->finish();
    }
  }

 private:
  DeviceChannel channel_;
  std::unique_ptr<kernels::DeviceSender> aside_;  ///< null: messages are sent in the device's queue
};

class DeviceChannelReceiver final : public ActivationReceiver {
 public:
  explicit DeviceChannelReceiver(DeviceChannel channel) : channel_{std::move(channel)} {}

  void receive(std::span<float> values) override {
    if (!values.empty()) {
      channel_.queue("receive from stage");
      kernels::DeviceReceive const receive{
          channel_.peer, values.data(), static_cast<std::int64_t>(values.size_bytes())};
      channel_.devices->exchange({}, {&receive, 1});
    }
  }

 private:
  DeviceChannel channel_;
};

}  // namespace talus::runtime
