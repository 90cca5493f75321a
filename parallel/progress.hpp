// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>

#include <mpi.h>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// How a rank that polls for something gives way to others, the longer it waits the more.
///
/// A few polls in a row first (a neighbour's answer takes microseconds), then sched_yield, then
/// sleeps of a small share of the time waited so far: so that more ranks than cores work with any
/// MPI, an idle rank does not burn its core, and a wait lasts a few percent longer at most.
class Backoff {
 public:
  Backoff() noexcept = default;

  /// \param num_spins  polls before it begins to yield
  explicit Backoff(int num_spins) noexcept : num_spins_{num_spins} {}

  /// Call between two polls that found nothing. Never throws.
  void pause() noexcept;

 private:
  // About 10 us of MPI_Testall: a neighbour's answer in shared memory takes 2 to 10.
  int num_spins_ = 64;
  int polls_ = 0;
  std::chrono::steady_clock::time_point yielding_since_{};
};

/// Waits until all `requests` are complete, and sets them to MPI_REQUEST_NULL; gives way to other
/// ranks on the same core (see Backoff), which MPI_Waitall need not do.
///
/// \throws ApiError  if MPI reports an error of one of them
void wait_yielding(std::span<MPI_Request> requests);

/// Lets MPI go on with this rank's messages: what a rank that waits without MPI calls now and then,
/// because the others may wait for one of them.
///
/// \throws ApiError  if MPI reports an error
void make_progress(Communicator const& comm);

/// Whether the ranks have fewer cores among them than they are; the same on all. Collective.
[[nodiscard]] bool must_share_cores(Communicator const& comm);

}  // namespace talus::parallel
