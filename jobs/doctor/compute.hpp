// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "jobs/doctor/network.hpp"

namespace talus::doctor {

/// What a rank's cores and its part of the memory bus reach.
struct ComputeFacts {
  double arithmetic_rate = 0.0;       ///< float32 operations a second
  double memory_rate_alone = 0.0;     ///< bytes a second
  double memory_rate_together = 0.0;  ///< bytes a second, all ranks of the node at once
  std::int64_t memory_bytes = 0;      ///< read for each memory rate
  int ranks_at_a_time = 1;            ///< of the node, in the two first measurements
};

/// How the rates are measured: what a test replaces.
struct ComputeMeters {
  double (*arithmetic)(int threads) = nullptr;
  double (*memory)(int threads, std::int64_t bytes) = nullptr;
};

/// Those of the machine.
[[nodiscard]] ComputeMeters machine_meters();

/// Measures this rank, alone on its node in turns, and all of a node's ranks together. Collective
/// over the world.
///
/// Beyond 64 ranks a node, as many turns are shared, so that it takes a second or two.
/// \param threads  of this rank
[[nodiscard]] ComputeFacts examine_compute(Hosts const& hosts,
                                           int threads,
                                           ComputeMeters const& meters = machine_meters());

}  // namespace talus::doctor
