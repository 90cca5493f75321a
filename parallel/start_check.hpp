// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/launcher.hpp"

namespace talus::parallel {

/// What a look at the job finds before it begins, on rank 0; empty elsewhere.
struct StartReport {
  std::vector<std::string> warnings;  ///< sentences for the user: how ranks are bound, or started
  std::string left_out;               ///< nodes of the allocation that have no rank; empty: none
};

/// Looks for what wastes an allocation: ranks that share cores while others are free, processes
/// that don't know of each other, nodes that have no rank.
///
/// Ranks without a GPU, two ranks on one, and GPUs without a rank are found where ranks take them
/// (runtime/devices/card_findings.hpp).
/// Collective over `world`; `facts` are this process's.
/// Cost: one split, a gather of some hundred bytes a rank to the first rank of each node, and one
/// of about a line a node from those to rank 0; the processor's topology is read once a rank.
[[nodiscard]] StartReport check_start(Communicator const& world, LaunchFacts const& facts);

/// The nodes of an allocation that have no rank, as a sentence; empty if there are none.
///
/// \param used   the names of nodes with ranks, as the scheduler or else the system calls them
/// \param hosts  how many hosts have ranks: several nodes may be emulated on one, and a host may
///               have another name than the scheduler's
[[nodiscard]] std::string describe_left_out(LaunchFacts const& facts,
                                            std::vector<std::string> const& used,
                                            int hosts);

/// That the launcher started more processes than MPI knows, as a sentence; empty if it didn't.
[[nodiscard]] std::string describe_mismatch(LaunchFacts const& facts, int world_size);

}  // namespace talus::parallel
