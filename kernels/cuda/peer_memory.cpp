// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/peer_memory.hpp"

#include <cstring>

#include "kernels/cuda/check.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {
namespace {

/// What the driver cuts several small allocations of: a handle would give away all of them.
constexpr std::int64_t shared_bytes = std::int64_t{2} << 20;

}  // namespace

CudaPeerMemory::CudaPeerMemory(Device& device, PeerMemoryPlace const& place) : rank_{place.rank} {
  TALUS_EXPECT(place.bytes > 0);
  auto const bytes = static_cast<std::size_t>(round_up(place.bytes, shared_bytes));
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc of peer memory");
  memory_.reset(memory);
  device.clear(memory, place.bytes);
  device.synchronize();  // before others may write there
}

PeerHandle CudaPeerMemory::handle() const {
  static_assert(sizeof(cudaIpcMemHandle_t) == sizeof(PeerHandle));
  cudaIpcMemHandle_t native{};
  check(cudaIpcGetMemHandle(&native, memory_.get()), "cudaIpcGetMemHandle");
  PeerHandle handle{};
  std::memcpy(handle.data(), &native, sizeof native);
  return handle;
}

void CudaPeerMemory::open(std::span<PeerHandle const> peers) {
  for (std::size_t peer = 0; peer < peers.size(); ++peer) {
    void* memory = memory_.get();
    if (static_cast<int>(peer) != rank_) {
      cudaIpcMemHandle_t native{};
      std::memcpy(&native, peers[peer].data(), sizeof native);
      check(cudaIpcOpenMemHandle(&memory, native, cudaIpcMemLazyEnablePeerAccess),
            "cudaIpcOpenMemHandle");
    }
    peers_.push_back(memory);
  }
}

void CudaPeerMemory::close() noexcept {
  for (std::size_t peer = 0; peer < peers_.size(); ++peer) {
    if (static_cast<int>(peer) != rank_) {
      static_cast<void>(cudaIpcCloseMemHandle(peers_[peer]));
    }
  }
  peers_.clear();
}

}  // namespace talus::kernels::cuda
