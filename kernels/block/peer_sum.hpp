// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/fold_partials.hpp"
#include "kernels/block/peer_flags.hpp"
#include "kernels/peer_sums.hpp"

namespace talus::kernels::block {

/// A device's memory for what others put there, by the addresses that this process has for it.
struct PeerInbox {
  GlobalSpan<float> values;         ///< [2, partial sums, stride]
  GlobalSpan<std::uint32_t> flags;  ///< of PeerMeeting
};

/// The sum of partial sums of devices that reach each other's memory, in one launch: each puts its
/// partial sums into the inboxes of all, says so by a flag, waits for the others' flags, and folds
/// what is in its own, in the order of the tree.
///
/// A block needs nothing of other blocks: it meets those of its number on other devices. Inboxes
/// have two halves, used in turns: who begins the next sum but one has the others' flags of the
/// next one, which they raise when they are done with this one.
///
/// Grid: pieces of the sum. Block: a thread a quad. No shared memory.
struct PeerSum {
  static constexpr char const* name = "talus::kernels::peer_sum";
  static constexpr bool meets_peers = true;

  FoldOrder order;
  PeerInbox inboxes[std::size_t{max_peer_ranks}] = {};  ///< by rank
  int rank = 0;
  int num_ranks = 1;
  std::int32_t first_partial = 0;    ///< of this rank, among all
  std::int64_t stride = 0;           ///< of the inboxes' rows, a multiple of a quad
  QuadMatrix<float const> partials;  ///< [this rank's, elements]
  QuadMatrix<float> sum;             ///< one row

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const j =
        (block.block_index().x * block.num_threads() + block.thread_index()) * quad;
    PeerMeeting<Block> const meeting{
        block, inboxes[rank].flags, block.block_index().x * max_peer_ranks, rank};
    std::int64_t const half = half_of(meeting.number());
    if (j < sum.view.cols) {
      put(block, half, j);
    }
    meeting.meet(block, num_ranks, [this](int peer) { return inboxes[peer].flags; });
    if (j < sum.view.cols) {
      fold(block, half, j);
    }
  }

 private:
  /// Where the inboxes' half for a sum begins.
  [[nodiscard]] TALUS_DEVICE std::int64_t half_of(std::uint32_t sequence) const {
    return sequence % 2 == 0 ? 0 : order.num_partials * stride;
  }

  template <class Block>
  TALUS_DEVICE void put(Block& block, std::int64_t half, std::int64_t j) const {
    for (std::int32_t own = 0; own < partials.view.rows; ++own) {
      Quad const values = load_quad(block, partials, own, j);
      for (int peer = 0; peer < num_ranks; ++peer) {
        block.store(inboxes[peer].values, half + (first_partial + own) * stride + j, values);
      }
    }
  }

  template <class Block>
  TALUS_DEVICE void fold(Block& block, std::int64_t half, std::int64_t j) const {
    FoldStack stack;
    for (std::int32_t partial = 0; partial < order.num_partials; ++partial) {
      stack.push(block.load(inboxes[rank].values, half + partial * stride + j, width<quad>),
                 order.folds[partial]);
    }
    store_quad(block, sum, 0, j, stack.sums[0]);
  }
};

/// Threads of a block of a PeerSum.
inline constexpr int peer_sum_threads = 256;

/// Blocks of a PeerSum of so many elements.
[[nodiscard]] constexpr std::int64_t peer_sum_blocks(std::int64_t elements) {
  return ceil_div(num_quads(elements), peer_sum_threads);
}

/// Launches a sum of at least one element.
template <class Device>
void peer_sum(Device& device, PeerSum const& kernel) {
  device.launch({{peer_sum_blocks(kernel.sum.view.cols)}, peer_sum_threads}, kernel);
}

}  // namespace talus::kernels::block
