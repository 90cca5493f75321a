// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <mpi.h>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// Bytes for another rank.
struct SentBytes {
  int peer = 0;
  void const* memory = nullptr;
  std::size_t size = 0;
};

/// Room for bytes of another rank.
struct ReceivedBytes {
  int peer = 0;
  void* memory = nullptr;
  std::size_t size = 0;  ///< that the peer sends
};

/// Point-to-point messages of any length, all of a call at a time. Keeps its requests' memory.
class ByteExchange {
 public:
  /// Duplicates `comm`. Collective.
  explicit ByteExchange(Communicator const& comm) : comm_{comm.duplicate()} {}

  /// Sends and receives; returns when all of it is done, giving way to other ranks meanwhile. The
  /// n-th that a rank sends to another one is the n-th that this one receives from there.
  ///
  /// \throws ApiError  if MPI reports an error
  void run(std::span<SentBytes const> sends, std::span<ReceivedBytes const> receives);

  [[nodiscard]] Communicator const& communicator() const noexcept { return comm_; }

 private:
  Communicator comm_;
  std::vector<MPI_Request> requests_;
};

}  // namespace talus::parallel
