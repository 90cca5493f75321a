// SPDX-License-Identifier: Apache-2.0
#include "parallel/binding.hpp"

#include <cstddef>
#include <map>
#include <set>

#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

using RanksOfCores = std::map<std::vector<int>, std::vector<int>>;  // core set -> ranks

RanksOfCores ranks_of_cores(std::span<BoundRank const> ranks) {
  RanksOfCores groups;
  for (BoundRank const& rank : ranks) {
    groups[rank.cores].push_back(rank.rank);
  }
  return groups;
}

BindingFinding shared_cores(std::string const& host,
                            std::vector<int> const& cores,
                            std::vector<int> const& ranks) {
  return {"shared_cores",
          concat(host,
                 ": ranks ",
                 format_ranges(ranks),
                 " are all bound to core",
                 cores.size() == 1 ? " " : "s ",
                 format_ranges(cores),
                 " (others are free; look at the launcher's binding options)"),
          ranks};
}

// Cores that belong to more than one set, and all ranks that may use one of them.
void find_overlaps(std::string const& host,
                   RanksOfCores const& groups,
                   std::vector<BindingFinding>& findings) {
  std::map<int, int> sets_of_core;
  for (auto const& [cores, ranks] : groups) {
    for (int const core : cores) {
      ++sets_of_core[core];
    }
  }
  std::set<int> shared;
  std::set<int> sharers;
  for (auto const& [cores, ranks] : groups) {
    for (int const core : cores) {
      if (sets_of_core[core] > 1) {
        shared.insert(core);
        sharers.insert(ranks.begin(), ranks.end());
      }
    }
  }
  if (shared.empty()) {
    return;
  }
  std::vector<int> const cores{shared.begin(), shared.end()};
  std::vector<int> ranks{sharers.begin(), sharers.end()};
  findings.push_back({"overlapping_cores",
                      concat(host,
                             ": ranks ",
                             format_ranges(ranks),
                             " are bound to different cores that overlap in ",
                             format_ranges(cores),
                             " (their threads meet there; look at the launcher's binding options)"),
                      std::move(ranks)});
}

}  // namespace

std::vector<BindingFinding> binding_findings(std::string const& host,
                                             std::span<BoundRank const> ranks,
                                             int num_host_cores) {
  if (std::ssize(ranks) > num_host_cores) {
    std::vector<int> all;
    for (BoundRank const& rank : ranks) {
      all.push_back(rank.rank);
    }
    return {{"crowded_host",
             concat(host,
                    ": ",
                    ranks.size(),
                    " ranks on ",
                    num_host_cores,
                    num_host_cores == 1 ? " core" : " cores",
                    " (they take turns)"),
             std::move(all)}};
  }
  std::vector<BindingFinding> findings;
  RanksOfCores const groups = ranks_of_cores(ranks);
  for (auto const& [cores, sharers] : groups) {
    if (sharers.size() > cores.size()) {
      findings.push_back(shared_cores(host, cores, sharers));
    }
  }
  find_overlaps(host, groups, findings);
  return findings;
}

}  // namespace talus::parallel
