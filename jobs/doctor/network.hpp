// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/doctor/report.hpp"
#include "parallel/communicator.hpp"

namespace talus::doctor {

/// The ranks of a job by host.
struct Hosts {
  parallel::Communicator const& world;
  parallel::Communicator const& node;     ///< the ranks of this host
  parallel::Communicator const& leaders;  ///< on the first rank of each host: these ranks

  [[nodiscard]] bool is_leader() const noexcept { return node.rank() == 0; }
};

/// What the network reaches, on rank 0; empty elsewhere.
struct NetworkFacts {
  std::vector<Link> links;  ///< between hosts, from first rank to first rank
  std::int64_t num_host_pairs = 0;
  std::vector<Link> inside;  ///< between the first and the last rank of a host
  std::vector<ClockOffset> clocks;
};

/// Measures the ways between hosts, inside of them, and their clocks. Collective over the world.
///
/// Pairs of a round are measured side by side, in at most `most_rounds` rounds of about 40 ms; the
/// clocks along a binomial tree, in as many rounds as the number of hosts has digits in base two,
/// whose errors add up along the way.
[[nodiscard]] NetworkFacts examine_network(Hosts const& hosts, int most_rounds = 32);

}  // namespace talus::doctor
