// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_group.hpp"

#include <exception>

#include "kernels/cuda/device.hpp"
#include "kernels/cuda/nccl_sender.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

void check_nccl(NcclFunctions const& functions,
                int result,
                char const* what,
                SourceLocation where) {
  if (result != 0) {
    throw ApiError{concat(what,
                          ": ",
                          functions.error_text(result),
                          " (NCCL says more where NCCL_DEBUG=WARN is set)"),
                   result,
                   where};
  }
}

NcclGroup::NcclGroup(NcclFunctions const& functions, Device& device, DeviceGroupPlace const& place)
    : functions_{functions}, device_{device} {
  check_nccl(functions_,
             functions_.join(&communicator_, place.size, place.id, place.rank),
             "ncclCommInitRank");
  device_.add_group(this);
}

NcclGroup::~NcclGroup() {
  device_.remove_group(this);
  if (std::uncaught_exceptions() > 0) {
    static_cast<void>(functions_.abort(communicator_));
  } else {
    static_cast<void>(functions_.destroy(communicator_));
  }
}

void NcclGroup::exchange(std::span<DeviceSend const> sends,
                         std::span<DeviceReceive const> receives) {
  if (sends.empty() && receives.empty()) {
    return;
  }
  check_nccl(functions_, functions_.begin_group(), "ncclGroupStart");
  for (DeviceReceive const& block : receives) {
    check_nccl(functions_,
               functions_.receive(block.memory,
                                  static_cast<std::size_t>(block.bytes),
                                  nccl_bytes,
                                  block.peer,
                                  communicator_,
                                  device_.stream()),
               "ncclRecv");
  }
  for (DeviceSend const& block : sends) {
    check_nccl(functions_,
               functions_.send(block.memory,
                               static_cast<std::size_t>(block.bytes),
                               nccl_bytes,
                               block.peer,
                               communicator_,
                               device_.stream()),
               "ncclSend");
  }
  check_nccl(functions_, functions_.end_group(), "ncclGroupEnd");
}

std::unique_ptr<DeviceSender> NcclGroup::make_sender(int peer, SenderOptions const& options) {
  return std::make_unique<NcclSender>(
      device_, NcclSender::Link{functions_, communicator_, peer}, options);
}

void NcclGroup::check_errors() const {
  int error = 0;
  check_nccl(
      functions_, functions_.get_async_error(communicator_, &error), "ncclCommGetAsyncError");
  if (error != nccl_in_progress) {
    check_nccl(functions_, error, "NCCL, of what was queued before");
  }
}

}  // namespace talus::kernels::cuda
