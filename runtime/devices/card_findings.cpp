// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_findings.hpp"

#include <map>
#include <utility>

#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// Ranks that see no card, those with the same reason together.
void find_missing(std::string const& host,
                  std::span<RankCards const> ranks,
                  std::vector<CardFinding>& findings) {
  std::map<std::string, std::vector<int>> missing;
  for (RankCards const& rank : ranks) {
    if (rank.seen.empty()) {
      missing[rank.reason].push_back(rank.rank);
    }
  }
  for (auto& [reason, numbers] : missing) {
    findings.push_back({"no_card",
                        concat(numbers.size() == 1 ? "rank " : "ranks ",
                               parallel::format_ranges(numbers),
                               " on ",
                               host,
                               numbers.size() == 1 ? ": sees" : ": see",
                               " no GPU (",
                               reason.empty() ? "nothing tells why" : reason,
                               "; every rank of a backend of GPUs needs one)"),
                        numbers});
  }
}

}  // namespace

std::vector<CardFinding> card_findings(std::string const& host, std::span<RankCards const> ranks) {
  std::vector<CardFinding> findings;
  find_missing(host, ranks, findings);
  auto const choices = choose_cards(ranks);
  for (SharedCard const& card : shared_cards(ranks, choices)) {
    findings.push_back({"shared_card", describe(host, card), card.ranks});
  }
  if (std::string idle = describe_idle_cards(host, ranks, choices); !idle.empty()) {
    findings.push_back({"idle_card", std::move(idle), {}});
  }
  return findings;
}

}  // namespace talus::runtime
