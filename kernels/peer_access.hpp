// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace talus::kernels {

/// What another process of the host needs to reach a device's memory.
using PeerHandle = std::array<std::byte, 64>;

/// Ranks whose devices reach each other's memory at a time, at most.
inline constexpr int max_peer_ranks = 16;

/// Memory of a device that others write, and theirs.
class PeerAccess {
 public:
  PeerAccess() = default;
  PeerAccess(PeerAccess const&) = delete;
  PeerAccess& operator=(PeerAccess const&) = delete;

  /// When all ranks are done with it.
  virtual ~PeerAccess() = default;

  /// Of this device's memory.
  [[nodiscard]] virtual PeerHandle handle() const = 0;

  /// Reaches the memory of all.
  ///
  /// \param peers  by rank
  /// \throws ApiError  if one can't be reached
  virtual void open(std::span<PeerHandle const> peers) = 0;

  /// Gives back what open() took.
  virtual void close() noexcept = 0;
};

/// A device's part of memory that others reach.
struct PeerMemoryPlace {
  int rank = 0;
  std::int64_t bytes = 0;  ///< > 0, equal on all ranks
};

/// A range of memory on each device, which kernels of all read and write. It begins as zeros.
class PeerMemory : public PeerAccess {
 public:
  /// Where this process has the memory of a rank: for kernels alone. Behind open().
  [[nodiscard]] virtual std::byte* at(int rank) const = 0;
};

}  // namespace talus::kernels
