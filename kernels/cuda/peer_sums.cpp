// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/peer_sums.hpp"

#include <cstring>

#include "kernels/cuda/check.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {
namespace {

/// Floats of a cache line: rows of an inbox begin at one.
constexpr std::int64_t line = 64;

}  // namespace

CudaPeerSums::CudaPeerSums(Device& device, PeerSumPlace const& place)
    : device_{device},
      rank_{place.rank},
      num_flags_{round_up(block::peer_sum_blocks(place.max_elements) * max_peer_ranks, line)},
      num_values_{2 * place.order.num_partials * round_up(place.max_elements, line)} {
  TALUS_EXPECT(place.max_elements <= max_peer_elements);
  TALUS_EXPECT(place.num_ranks <= max_peer_ranks);
  auto const bytes = static_cast<std::size_t>((num_flags_ + num_values_) * 4);
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc of an inbox");
  memory_.reset(memory);
  device_.clear(memory, num_flags_ * 4);
  device_.synchronize();  // before others may raise flags there
  kernel_.order = place.order;
  kernel_.rank = place.rank;
  kernel_.num_ranks = place.num_ranks;
  kernel_.first_partial = place.first_partial;
  kernel_.stride = round_up(place.max_elements, line);
}

PeerHandle CudaPeerSums::handle() const {
  static_assert(sizeof(cudaIpcMemHandle_t) == sizeof(PeerHandle));
  cudaIpcMemHandle_t native{};
  check(cudaIpcGetMemHandle(&native, memory_.get()), "cudaIpcGetMemHandle");
  PeerHandle handle{};
  std::memcpy(handle.data(), &native, sizeof native);
  return handle;
}

block::PeerInbox CudaPeerSums::inbox_at(void* memory) const {
  auto* const flags = static_cast<std::uint32_t*>(memory);
  return {.values = {reinterpret_cast<float*>(flags + num_flags_), num_values_},
          .flags = {flags, num_flags_}};
}

void CudaPeerSums::open(std::span<PeerHandle const> inboxes) {
  for (std::size_t peer = 0; peer < inboxes.size(); ++peer) {
    void* memory = memory_.get();
    if (static_cast<int>(peer) != rank_) {
      cudaIpcMemHandle_t native{};
      std::memcpy(&native, inboxes[peer].data(), sizeof native);
      check(cudaIpcOpenMemHandle(&memory, native, cudaIpcMemLazyEnablePeerAccess),
            "cudaIpcOpenMemHandle");
      opened_.push_back(memory);
    }
    kernel_.inboxes[peer] = inbox_at(memory);
  }
}

void CudaPeerSums::close() noexcept {
  for (void* const memory : opened_) {
    static_cast<void>(cudaIpcCloseMemHandle(memory));
  }
  opened_.clear();
}

void CudaPeerSums::sum(MatrixView<float const> partials, std::span<float> sum) {
  kernel_.partials = block::by_quads(partials);
  kernel_.sum = block::by_quads(MatrixView<float>{sum.data(), 1, std::ssize(sum), std::ssize(sum)});
  launch();
}

}  // namespace talus::kernels::cuda
