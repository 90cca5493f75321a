// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cuda/nccl_library.hpp"
#include "kernels/device_group.hpp"
#include "runtime/base/source_location.hpp"

namespace talus::kernels::cuda {

class Device;

/// GPUs of several processes that exchange data through NCCL, on one stream each. Never run on a
/// card yet.
///
/// NCCL only moves bytes: its reductions add in an order that depends on how many processes there
/// are. A GPU waits in its stream for what it receives, and for receivers of what is long.
class NcclGroup final : public DeviceGroup {
 public:
  /// Collective over the group. `device` is the current one, and outlives this; its waits look for
  /// this group's errors.
  ///
  /// \throws ApiError  if NCCL reports an error
  NcclGroup(NcclFunctions const& functions, Device& device, DeviceGroupPlace const& place);

  /// Collective, unless an exception is on its way: then what is under way is given up.
  ~NcclGroup() override;

  void exchange(std::span<DeviceSend const> sends,
                std::span<DeviceReceive const> receives) override;

  [[nodiscard]] bool is_recordable() const noexcept override { return true; }

  /// Sends on a stream of its own.
  [[nodiscard]] std::unique_ptr<DeviceSender> make_sender(int peer,
                                                          SenderOptions const& options) override;

  /// \throws ApiError  if something that was queued has failed
  void check_errors() const;

 private:
  NcclFunctions functions_;
  Device& device_;
  NcclFunctions::Communicator communicator_ = nullptr;
};

/// \throws ApiError  with NCCL's words, unless `result` is 0
void check_nccl(NcclFunctions const& functions,
                int result,
                char const* what,
                SourceLocation where = SourceLocation::current());

}  // namespace talus::kernels::cuda
