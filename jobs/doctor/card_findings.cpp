// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_findings.hpp"

#include <utility>

#include "jobs/doctor/evidence.hpp"
#include "jobs/doctor/worst_first.hpp"

namespace talus::doctor {

namespace {

/// Of all hosts, host by host.
Findings all_of_cards(Evidence const& evidence) {
  Findings all;
  for (auto const& [host, ranks] : evidence.by_host()) {
    std::vector<runtime::RankCards> cards;
    for (RankFacts const* rank : ranks) {
      if (rank->cards) {
        cards.push_back({rank->rank, rank->cards->found, rank->cards->reason});
      }
    }
    for (auto& found : runtime::card_findings(host, cards)) {
      all.push_back({found.kind, std::move(found.text), std::move(found.ranks), {host}});
    }
  }
  return all;
}

}  // namespace

void find_cards(Evidence const& evidence, Findings& findings) {
  Findings all = all_of_cards(evidence);
  for (char const* const name : {"no_card", "shared_card", "idle_card"}) {
    WorstFirst kind{evidence.thresholds().most_of_a_kind};
    for (Finding& finding : all) {
      if (finding.kind == name) {
        kind.add(static_cast<double>(finding.ranks.size()), std::move(finding));
      }
    }
    kind.move_to(findings);
  }
}

}  // namespace talus::doctor
