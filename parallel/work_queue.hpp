// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "parallel/communicator.hpp"

namespace talus::parallel {

class SharedCounter;

/// How the ranks of a work queue reach its counter.
enum class QueueMethod {
  shared_memory,  ///< an atomic in memory that all ranks share; they are on one node
  window,         ///< MPI one-sided fetch-and-add on rank 0's memory
  service,        ///< messages to a thread of rank 0, where the MPI has no one-sided operations
};

/// One queue of work items, numbered from 0, for all replicas: who has room takes the next ones.
///
/// No rank plays the master: taking needs nobody else's time. In shared memory that holds to the
/// letter. Through a window it depends on MPI: with hardware atomics likewise, with software ones
/// (MPICH over sockets) a taker waits until rank 0 next enters MPI, a step at most. Open MPI 4 has
/// no one-sided operations over plain TCP, so there a thread of rank 0 answers, asleep nearly
/// always.
class WorkQueue {
 public:
  /// Collective over `comm`.
  ///
  /// \param method  how to reach the counter; the best that works is chosen if not given
  /// \throws ConfigError  if the method cannot work here (ranks on several nodes; no thread
  /// support)
  explicit WorkQueue(Communicator const& comm, std::optional<QueueMethod> method = std::nullopt);

  WorkQueue(WorkQueue&&) noexcept;
  WorkQueue& operator=(WorkQueue&&) noexcept;

  /// Collective over `comm`, unless an exception is on its way: then the counter is leaked, because
  /// the others may never come.
  ~WorkQueue();

  /// Takes the next `count` items: [result, result + count) are this rank's. Not collective.
  ///
  /// The queue has no end: the caller compares with the number of items that there are.
  /// \pre count >= 0
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] std::int64_t take(std::int64_t count);

  [[nodiscard]] QueueMethod method() const noexcept { return method_; }

 private:
  QueueMethod method_ = QueueMethod::shared_memory;
  std::unique_ptr<SharedCounter> counter_;
};

}  // namespace talus::parallel
