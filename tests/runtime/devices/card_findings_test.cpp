// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_findings.hpp"

#include "tests/support/catch.hpp"

using namespace talus::runtime;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A rank that sees cards of these names, which are their UUIDs, too.
RankCards rank_with(int rank, std::vector<std::string> const& names) {
  RankCards cards{.rank = rank};
  for (std::string const& name : names) {
    cards.seen.push_back({.name = "NVIDIA " + name, .uuid = name});
  }
  if (names.empty()) {
    cards.reason = "no driver";
  }
  return cards;
}

}  // namespace

TEST_CASE("nothing is to be said of a node with a card for each rank, or without ranks") {
  std::vector<RankCards> const ranks{rank_with(0, {"a", "b"}), rank_with(1, {"b", "a"})};
  CHECK(card_findings("n", ranks).empty());
  CHECK(card_findings("n", {}).empty());
}

TEST_CASE("ranks without a card are found together, beside those that have one") {
  std::vector<RankCards> ranks{
      rank_with(4, {}), rank_with(5, {"a"}), rank_with(6, {}), rank_with(7, {})};
  ranks[3].reason = "";
  auto const findings = card_findings("n1", ranks);
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].kind == "no_card");
  CHECK(findings[0].ranks == std::vector{7});
  CHECK_THAT(findings[0].text, ContainsSubstring("rank 7 on n1: sees no GPU (nothing tells why;"));
  CHECK(findings[1].ranks == std::vector{4, 6});
  CHECK_THAT(findings[1].text, ContainsSubstring("ranks 4,6 on n1: see no GPU (no driver;"));
}

TEST_CASE("every card that several ranks would take is found, and those that none takes") {
  std::vector<RankCards> const ranks{rank_with(8, {"a"}),
                                     rank_with(9, {"b"}),
                                     rank_with(10, {"a"}),
                                     rank_with(11, {"b"}),
                                     rank_with(12, {"c", "d", "e"})};
  auto const findings = card_findings("n2", ranks);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].kind == "shared_card");
  CHECK(findings[0].ranks == std::vector{8, 10});
  CHECK_THAT(findings[0].text,
             ContainsSubstring("ranks 8, 10 on n2: have one GPU together, NVIDIA a, UUID a"));
  CHECK(findings[1].ranks == std::vector{9, 11});
  CHECK(findings[2].kind == "idle_card");
  CHECK(findings[2].ranks.empty());
  CHECK_THAT(findings[2].text, ContainsSubstring("2 of the 5 GPUs of n2 have no rank"));
}
