// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

namespace talus::parallel {

/// A rank, and the cores that it may run on, ascending.
struct BoundRank {
  int rank = 0;
  std::vector<int> cores;
};

/// Something about the ranks of a host that will cost speed.
struct BindingFinding {
  std::string kind;  ///< "crowded_host", "shared_cores", "overlapping_cores"
  std::string text;  ///< a sentence for the user, with host, ranks and cores
  std::vector<int> ranks;
};

/// What is wrong with how the ranks of one host are bound, in the order of the ranks.
///
/// - crowded_host: more ranks than the host has cores; they take turns, however they are bound.
/// - shared_cores: ranks that have the same cores, fewer than they are, while others are free.
/// - overlapping_cores: ranks bound to different cores, some of which are the same, so that threads
///   of two ranks meet there.
///
/// No alarm: ranks that all may run anywhere, and groups bound to the same socket or memory domain
/// with a core or more for each; such ranks share out their cores by themselves.
/// \param num_host_cores  that the job may use on this host, whoever is bound to them
[[nodiscard]] std::vector<BindingFinding> binding_findings(std::string const& host,
                                                           std::span<BoundRank const> ranks,
                                                           int num_host_cores);

}  // namespace talus::parallel
