// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/peer_sums.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {
namespace {

/// Floats of a cache line: rows of an inbox begin at one.
constexpr std::int64_t line = 64;

}  // namespace

CudaPeerSums::CudaPeerSums(Device& device, PeerSumPlace const& place)
    : device_{device},
      num_flags_{round_up(block::peer_sum_blocks(place.max_elements) * max_peer_ranks, line)},
      num_values_{2 * place.order.num_partials * round_up(place.max_elements, line)},
      inboxes_{device, {.rank = place.rank, .bytes = (num_flags_ + num_values_) * 4}} {
  TALUS_EXPECT(place.max_elements <= max_peer_elements);
  TALUS_EXPECT(place.num_ranks <= max_peer_ranks);
  kernel_.order = place.order;
  kernel_.rank = place.rank;
  kernel_.num_ranks = place.num_ranks;
  kernel_.first_partial = place.first_partial;
  kernel_.stride = round_up(place.max_elements, line);
}

block::PeerInbox CudaPeerSums::inbox_at(std::byte* memory) const {
  auto* const flags = reinterpret_cast<std::uint32_t*>(memory);
  return {.values = {reinterpret_cast<float*>(flags + num_flags_), num_values_},
          .flags = {flags, num_flags_}};
}

void CudaPeerSums::open(std::span<PeerHandle const> peers) {
  inboxes_.open(peers);
  for (int peer = 0; peer < kernel_.num_ranks; ++peer) {
    kernel_.inboxes[peer] = inbox_at(inboxes_.at(peer));
  }
}

void CudaPeerSums::sum(MatrixView<float const> partials, std::span<float> sum) {
  kernel_.partials = block::by_quads(partials);
  kernel_.sum = block::by_quads(MatrixView<float>{sum.data(), 1, std::ssize(sum), std::ssize(sum)});
  launch();
}

}  // namespace talus::kernels::cuda
