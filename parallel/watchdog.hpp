// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include <mpi.h>

#include "parallel/call_log.hpp"

namespace talus::parallel {

/// When a watchdog barks, and what then happens.
struct WatchdogOptions {
  /// Seconds from the moment at which ranks stop for ever until on_hang is called, at most; >= 0.1.
  double limit_s = 30.0;

  /// Ends the job; called by a thread of the watchdog, after the last wishes of the ranks that can
  /// still act were fulfilled.
  ///
  /// \param lines  for people, on one rank; empty on the others, where it is called some seconds
  ///               later if the job is still there
  std::function<void(std::span<std::string const> lines)> on_hang;
};

/// Notices that the ranks of a job wait for what will not happen, and says who waits for whom.
///
/// Each rank has a thread that wakes ten times in the limit and looks where its own rank is, which
/// costs nothing to speak of. Ranks of a node see each other's states in shared memory, so that one
/// that is stopped or dead is seen too. Between nodes nothing is said until a rank has made no
/// progress for more than half of the limit: then one rank asks all others for their states, once.
/// What counts as a hang is find_hang's to say; progress is a call, a phase, an operation on a file
/// that ends, or, outside of calls, use of the processor, though not for longer than twenty times
/// the limit without any of the others.
///
/// A job that is suspended as a whole (all processes stopped, and continued) does not lose its
/// time. Without MPI_THREAD_MULTIPLE nodes can't ask each other: then ranks of other nodes count as
/// working, and only what hangs on a node itself is found.
class Watchdog {
 public:
  /// Collective over `comm`. The thread that makes it is the one whose progress counts.
  ///
  /// \throws ApiError  if MPI reports an error
  Watchdog(MPI_Comm comm, WatchdogOptions options);

  Watchdog(Watchdog const&) = delete;
  Watchdog& operator=(Watchdog const&) = delete;

  /// Collective, unless an exception is on its way: this rank has finished.
  ~Watchdog();

  /// Where this rank says what it does.
  [[nodiscard]] CallLog& log() noexcept;

  /// True if the ranks of all nodes can be asked.
  [[nodiscard]] bool sees_all() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace talus::parallel
