// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/device.hpp"
#include "kernels/cuda/handles.hpp"
#include "kernels/cuda/nccl_library.hpp"
#include "kernels/device_group.hpp"

namespace talus::kernels::cuda {

/// Messages by NCCL on a stream of their own, so that the device goes on with other work while a
/// receiver isn't there yet. Never run on a card yet.
///
/// A message is copied to a slot in the device's own stream; the stream of messages waits for that
/// by an event, and the device's own one waits for a slot's last message before it is filled again.
class NcclSender final : public DeviceSender {
 public:
  /// Who sends to whom by what; both outlive the sender.
  struct Link {
    NcclFunctions const& functions;
    NcclFunctions::Communicator communicator;
    int peer;
  };

  /// \throws ApiError     if CUDA reports an error
  /// \throws OutOfMemory  if there is no room for the slots
  NcclSender(Device& device, Link const& link, SenderOptions const& options);
  ~NcclSender() override;

  void send(void const* memory, std::int64_t bytes) override;
  void finish() override;

 private:
  struct Slot {
    void* memory = nullptr;
    Event filled;  ///< in the device's stream
    Event sent;    ///< in the stream of messages
    bool is_used = false;
  };

  Device& device_;
  Link link_;
  Stream stream_;
  std::vector<Slot> slots_;
  std::size_t next_ = 0;
};

}  // namespace talus::kernels::cuda
