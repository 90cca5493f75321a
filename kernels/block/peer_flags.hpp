// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/peer_access.hpp"

namespace talus::kernels::block {

/// Flags of blocks that meet those of their number on other devices: [blocks, max_peer_ranks] on
/// each device, of the rank that raises it, zero at first. A block's meetings are counted by the
/// flag that it raises for itself, so that launches are alike, and may be recorded.
///
/// All blocks of a launch must be able to run at a time, or none would be waited for: its kernel has
/// a member `meets_peers`.
template <class Block>
class PeerMeeting {
 public:
  /// All threads of a block make one, before any of them meets.
  ///
  /// \param own    flags of this device
  /// \param first  of the block's
  TALUS_DEVICE PeerMeeting(Block& block,
                           GlobalSpan<std::uint32_t> own,
                           std::int64_t first,
                           int rank)
      : own_{own}, first_{first}, rank_{rank}, number_{block.load(own, first + rank) + 1} {}

  /// Of the meeting that comes, from 1 on.
  [[nodiscard]] TALUS_DEVICE std::uint32_t number() const { return number_; }

  /// Says that what the block's threads have stored is there, and waits until the others say so.
  /// All threads.
  ///
  /// \param flags_of  the flags on the device of a rank
  template <class FlagsOf>
  TALUS_DEVICE void meet(Block& block, int num_ranks, FlagsOf const& flags_of) const {
    block.sync();
    int const peer = block.thread_index();
    if (peer < num_ranks) {
      block.publish(flags_of(peer), first_ + rank_, number_);
    }
    block.sync_warp();  // all are told before any is waited for
    if (peer < num_ranks) {
      block.await(own_, first_ + peer, number_);
    }
    block.sync();
  }

 private:
  GlobalSpan<std::uint32_t> own_;
  std::int64_t first_;
  int rank_;
  std::uint32_t number_;
};

}  // namespace talus::kernels::block
