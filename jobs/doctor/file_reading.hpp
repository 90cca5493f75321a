// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "jobs/doctor/report.hpp"
#include "parallel/communicator.hpp"

namespace talus::doctor {

/// What this rank read, and the job's facts on rank 0.
struct FileReading {
  std::int64_t bytes = 0;
  double seconds = 0.0;
  FileFacts job;
};

/// Bounds of the reading, for each rank: whichever comes first.
struct ReadBounds {
  std::int64_t bytes = std::int64_t{128} << 20;
  double seconds = 2.0;
};

/// Measures how fast all ranks together read the files of a checkpoint, each its own parts.
/// Collective over `world`.
///
/// Reads past the page cache where the file system can (O_DIRECT); else tells the kernel to drop
/// what it has of the parts first. What of both was done is told; a server's own cache is beyond
/// either. Pieces of 4 MiB go to the ranks in turns, spread over all files.
[[nodiscard]] FileReading examine_reading(parallel::Communicator const& world,
                                          std::string const& directory,
                                          ReadBounds const& bounds = {});

}  // namespace talus::doctor
