// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/findings.hpp"

#include "jobs/doctor/evidence.hpp"

namespace talus::doctor {

Evidence::Evidence(Report const& report, Thresholds const& thresholds)
    : report_{&report}, thresholds_{&thresholds} {
  for (RankFacts const& rank : report.ranks) {
    by_host_[rank.host].push_back(&rank);
  }
}

std::string const& Evidence::host_of(int rank) const {
  return report_->ranks[static_cast<std::size_t>(rank)].host;
}

std::vector<Finding> findings_of(Report const& report, Thresholds const& thresholds) {
  Evidence const evidence{report, thresholds};
  Findings findings;
  for (auto const find : {find_start,
                          find_bindings,
                          find_cards,
                          find_slow_ranks,
                          find_slow_links,
                          find_transport,
                          find_reading,
                          find_clocks,
                          find_processors}) {
    find(evidence, findings);
  }
  return findings;
}

}  // namespace talus::doctor
