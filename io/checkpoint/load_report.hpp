// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "parallel/communicator.hpp"

namespace talus::io {

/// What loading took.
struct LoadCounts {
  std::int64_t bytes_read = 0;         ///< from files
  std::int64_t bytes_sent = 0;         ///< to other ranks, forwarding included
  std::int64_t peak_buffer_bytes = 0;  ///< of the buffers that host_memory_bytes limits
  double seconds_total = 0.0;
  double seconds_read = 0.0;   ///< in reads; of a checkpoint, in the check for NaN as well
  double seconds_check = 0.0;  ///< in that check, or in checksums
  double seconds_send = 0.0;   ///< in packing, sending and waiting for messages
  double seconds_sink = 0.0;   ///< in the sinks

  /// Adds what came after.
  LoadCounts& operator+=(LoadCounts const& more) noexcept;
};

/// The job's counts from those of its ranks. Collective over `comm`.
[[nodiscard]] LoadCounts combine(parallel::Communicator const& comm, LoadCounts const& mine);

/// Where weights were loaded from, which decides what a rank does one after another.
enum class LoadSource {
  checkpoint,  ///< each rank reads, checks, sends and places
  shards,      ///< a thread reads while the rank checks, sends and places what it read before
};

/// What loading took, here and in the whole job.
struct LoadReport {
  LoadSource source = LoadSource::checkpoint;
  LoadCounts rank;                  ///< this rank
  LoadCounts job;                   ///< bytes read and sent: sum over the ranks; the rest: maximum
  std::int64_t bytes_demanded = 0;  ///< of the tensors that some rank needs any part of
  std::int64_t bytes_checkpoint = 0;  ///< of all tensors that there are

  /// Adds another load of the same checkpoint, which came after.
  LoadReport& operator+=(LoadReport const& more) noexcept;

  /// The job's numbers for a person to read, in a few lines without a newline at the end.
  [[nodiscard]] std::string format() const;
};

}  // namespace talus::io
