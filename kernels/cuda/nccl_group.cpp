// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_group.hpp"

#include <exception>

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

NcclGroup::NcclGroup(NcclFunctions const& functions,
                     cudaStream_t stream,
                     DeviceGroupPlace const& place)
    : functions_{functions}, stream_{stream} {
  check_nccl(functions_,
             functions_.join(&communicator_, place.size, place.id, place.rank),
             "ncclCommInitRank");
}

NcclGroup::~NcclGroup() {
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
                                  stream_),
               "ncclRecv");
  }
  for (DeviceSend const& block : sends) {
    check_nccl(functions_,
               functions_.send(block.memory,
                               static_cast<std::size_t>(block.bytes),
                               nccl_bytes,
                               block.peer,
                               communicator_,
                               stream_),
               "ncclSend");
  }
  check_nccl(functions_, functions_.end_group(), "ncclGroupEnd");
}

}  // namespace talus::kernels::cuda
