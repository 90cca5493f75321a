// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobs/doctor/findings.hpp"
#include "jobs/doctor/report.hpp"

/// \file
/// What findings are drawn from, and the questions that are asked of it, each of which adds what it
/// finds. For findings_of.

namespace talus::doctor {

/// A report, also by host, and what counts as wrong.
class Evidence {
 public:
  using Hosts = std::map<std::string, std::vector<RankFacts const*>>;

  /// Both outlive this.
  Evidence(Report const& report, Thresholds const& thresholds);

  [[nodiscard]] Report const& report() const noexcept { return *report_; }

  [[nodiscard]] Thresholds const& thresholds() const noexcept { return *thresholds_; }

  /// The ranks of each host.
  [[nodiscard]] Hosts const& by_host() const noexcept { return by_host_; }

  /// The host of a rank in MPI_COMM_WORLD.
  [[nodiscard]] std::string const& host_of(int rank) const;

 private:
  Report const* report_;
  Thresholds const* thresholds_;
  Hosts by_host_;
};

using Findings = std::vector<Finding>;

/// How the job was started: nodes without ranks, processes that don't know of each other, what MPI
/// granted.
void find_start(Evidence const& evidence, Findings& findings);

/// Which cores the ranks of a host may use.
void find_bindings(Evidence const& evidence, Findings& findings);

/// GPUs that ranks see, if somebody looked: ranks without one, with one together, and GPUs without
/// a rank.
void find_cards(Evidence const& evidence, Findings& findings);

/// Hosts of different kinds.
void find_processors(Evidence const& evidence, Findings& findings);

/// Ranks that are slower than the others.
void find_slow_ranks(Evidence const& evidence, Findings& findings);

/// Whether the checkpoint can be read, and hosts that read it slowly.
void find_reading(Evidence const& evidence, Findings& findings);

/// Pairs of hosts that are slower than the others.
void find_slow_links(Evidence const& evidence, Findings& findings);

/// How messages go between hosts.
void find_transport(Evidence const& evidence, Findings& findings);

/// Hosts with another time.
void find_clocks(Evidence const& evidence, Findings& findings);

}  // namespace talus::doctor
