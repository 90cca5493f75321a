// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace talus::kernels {

/// What a process sends to another one of a group.
struct DeviceSend {
  int peer = 0;
  void const* memory = nullptr;  ///< of the device
  std::int64_t bytes = 0;        ///< > 0
};

/// What a process gets from another one.
struct DeviceReceive {
  int peer = 0;
  void* memory = nullptr;
  std::int64_t bytes = 0;  ///< that the peer sends
};

/// What a sender needs room for.
struct SenderOptions {
  std::int64_t max_bytes = 0;  ///< of a message, > 0
  int num_slots = 2;           ///< messages on their way at a time, > 0
};

/// The sending end of messages to one other process, which gets each by exchange().
class DeviceSender {
 public:
  DeviceSender() = default;
  DeviceSender(DeviceSender const&) = delete;
  DeviceSender& operator=(DeviceSender const&) = delete;
  virtual ~DeviceSender() = default;

  /// Sends what work queued before gives. Work queued later may change the memory, and doesn't
  /// wait for the receiver unless as many messages are on their way as there are slots. Returns
  /// when queued.
  ///
  /// \throws ApiError  if the devices' library reports an error
  virtual void send(void const* memory, std::int64_t bytes) = 0;

  /// Returns when all messages have left; to be called before the sender is destroyed.
  virtual void finish() = 0;
};

/// The devices of several processes, one each, which exchange what is in their memory. Processes
/// are numbered from 0; all make the same calls in the same order.
///
/// What is exchanged is what work queued before gives, and work queued later finds it: calls may
/// return before.
class DeviceGroup {
 public:
  DeviceGroup() = default;
  DeviceGroup(DeviceGroup const&) = delete;
  DeviceGroup& operator=(DeviceGroup const&) = delete;
  virtual ~DeviceGroup() = default;

  /// Sends and receives, all at a time. The n-th that a process sends to another one in a call is
  /// the n-th that this one receives from there; nobody is its own peer. A process that neither
  /// sends nor receives need not call.
  ///
  /// \throws ApiError  if the devices' library reports an error
  virtual void exchange(std::span<DeviceSend const> sends,
                        std::span<DeviceReceive const> receives) = 0;

  /// Whether an exchange can be recorded (kernels/device_recording.hpp): all processes then record
  /// it, and replay it, together.
  [[nodiscard]] virtual bool is_recordable() const noexcept { return false; }

  /// A sender whose messages hold up nothing else; null: the library has none, exchange() serves.
  /// This process sends nothing else in the group. The sender ends before the group.
  ///
  /// \throws ApiError  if the devices' library reports an error
  [[nodiscard]] virtual std::unique_ptr<DeviceSender> make_sender(
      int /*peer*/, SenderOptions const& /*options*/) {
    return nullptr;
  }
};

/// What processes that join a group must have in common: one of them makes it.
using DeviceGroupId = std::array<std::byte, 128>;

/// A process' place in a group.
struct DeviceGroupPlace {
  DeviceGroupId id{};
  int rank = 0;
  int size = 1;
};

}  // namespace talus::kernels
