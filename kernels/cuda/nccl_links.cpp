// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_links.hpp"

#include <utility>

#include "kernels/cuda/device.hpp"
#include "kernels/cuda/nccl_group.hpp"
#include "kernels/cuda/peer_memory.hpp"
#include "kernels/cuda/peer_sums.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

NcclLinks::NcclLinks(std::string card, Device& device)
    : card_{std::move(card)}, device_{device}, nccl_{open_nccl()} {}

std::string NcclLinks::library() const {
  return nccl_.problem.empty() ? concat("NCCL ", nccl_version_text(nccl_.version)) : "";
}

DeviceGroupId NcclLinks::make_id() {
  DeviceGroupId id{};
  check_nccl(nccl_.functions, nccl_.functions.make_id(&id), "ncclGetUniqueId");
  return id;
}

std::unique_ptr<DeviceGroup> NcclLinks::join(DeviceGroupPlace const& place) {
  return std::make_unique<NcclGroup>(nccl_.functions, device_, place);
}

std::unique_ptr<PeerMemory> NcclLinks::make_peer_memory(PeerMemoryPlace const& place) {
  return std::make_unique<CudaPeerMemory>(device_, place);
}

std::unique_ptr<PeerSums> NcclLinks::make_peer_sums(PeerSumPlace const& place) {
  return std::make_unique<CudaPeerSums>(device_, place);
}

}  // namespace talus::kernels::cuda
