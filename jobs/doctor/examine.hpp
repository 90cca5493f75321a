// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <mpi.h>

#include "jobs/doctor/report.hpp"

namespace talus::doctor {

/// What to examine.
struct Examination {
  std::string checkpoint;          ///< directory to measure reading in; empty: none
  int threads = 1;                 ///< of this rank
  parallel::LaunchFacts launch{};  ///< read before MPI began: a process started alone gets
                                   ///< variables from MPI itself
  std::optional<kernels::cuda::Devices> cards{};  ///< that this rank sees, if they matter
};

/// Measures everything; the report is complete on rank 0, and empty elsewhere. Collective over
/// `comm`.
///
/// Takes a few seconds: turns and rounds are bounded, so that it grows with the logarithm of the
/// hosts beyond 32 of them, and not with the ranks of a node beyond 64.
[[nodiscard]] Report examine(MPI_Comm comm, Examination const& examination);

}  // namespace talus::doctor
