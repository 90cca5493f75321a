// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_plan.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::runtime;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A rank that sees cards of these names, which are their UUIDs, too.
RankCards rank_with(int rank, std::vector<std::string> const& names) {
  RankCards cards{.rank = rank};
  for (std::string const& name : names) {
    cards.seen.push_back({.name = "NVIDIA " + name, .uuid = name});
  }
  return cards;
}

std::vector<int> numbers_of(std::vector<CardChoice> const& choices) {
  std::vector<int> numbers;
  for (CardChoice const& choice : choices) {
    numbers.push_back(choice.number);
  }
  return numbers;
}

/// UUIDs of the cards that the ranks take.
std::set<std::string> taken(std::vector<RankCards> const& ranks,
                            std::vector<CardChoice> const& choices) {
  std::set<std::string> cards;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    cards.insert(ranks[i].seen[static_cast<std::size_t>(choices[i].number)].uuid);
  }
  return cards;
}

std::vector<std::string> const eight{"a", "b", "c", "d", "e", "f", "g", "h"};

}  // namespace

TEST_CASE("each of eight ranks takes the card of its number, of eight that all see") {
  std::vector<RankCards> ranks;
  for (int rank = 0; rank < 8; ++rank) {
    ranks.push_back(rank_with(rank, eight));
  }
  auto const choices = plan_cards("node", ranks, CardSharing::refused);
  CHECK(numbers_of(choices) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(std::all_of(choices.begin(), choices.end(), [](CardChoice const& choice) {
    return choice.num_sharers == 1;
  }));
  CHECK(describe_idle_cards("node", ranks, choices).empty());
}

TEST_CASE("a rank to which one card is left visible takes that") {
  std::vector<RankCards> const ranks{
      rank_with(4, {"c"}), rank_with(5, {"a"}), rank_with(6, {"d"}), rank_with(7, {"b"})};
  CHECK(numbers_of(plan_cards("node", ranks, CardSharing::refused)) ==
        std::vector<int>{0, 0, 0, 0});
}

TEST_CASE("instances of a partitioned card are cards") {
  std::vector<std::string> const instances{"mig-1", "mig-2", "mig-3"};
  std::vector<RankCards> const ranks{
      rank_with(0, instances), rank_with(1, instances), rank_with(2, instances)};
  CHECK(numbers_of(plan_cards("node", ranks, CardSharing::refused)) == std::vector<int>{0, 1, 2});
}

TEST_CASE("ranks that see cards in other orders, or not all of them, have one each") {
  std::vector<RankCards> const reversed{rank_with(0, {"a", "b"}), rank_with(1, {"b", "a"})};
  auto choices = plan_cards("node", reversed, CardSharing::refused);
  CHECK(taken(reversed, choices).size() == 2);

  // The first rank must leave its card to the second, the third to the fourth.
  std::vector<RankCards> const parts{rank_with(0, {"a", "b"}),
                                     rank_with(1, {"a"}),
                                     rank_with(2, {"b", "c", "d"}),
                                     rank_with(3, {"c", "b"})};
  choices = plan_cards("node", parts, CardSharing::refused);
  CHECK(taken(parts, choices).size() == 4);
}

TEST_CASE("two ranks on one card are refused by name, unless they may share") {
  std::vector<RankCards> const ranks{
      rank_with(8, {"a", "b"}), rank_with(9, {"a", "b"}), rank_with(10, {"a", "b"})};
  CHECK_THROWS_AS(plan_cards("node7", ranks, CardSharing::refused), ConfigError);
  CHECK_THROWS_WITH(plan_cards("node7", ranks, CardSharing::refused),
                    ContainsSubstring("ranks 8, 10 on node7: have one GPU together, NVIDIA a, "
                                      "UUID a") &&
                        ContainsSubstring("--allow-shared-devices"));
  auto const choices = plan_cards("node7", ranks, CardSharing::allowed);
  CHECK(numbers_of(choices) == std::vector<int>{0, 1, 0});
  CHECK(choices[0].num_sharers == 2);
  CHECK(choices[1].num_sharers == 1);
  CHECK(choices[2].num_sharers == 2);
}

TEST_CASE("a rank that sees no card is named, with the reason") {
  std::vector<RankCards> ranks{rank_with(0, {"a"}), rank_with(1, {})};
  ranks[1].reason = "cudaErrorNoDevice: no CUDA-capable device is detected";
  CHECK_THROWS_WITH(plan_cards("login1", ranks, CardSharing::allowed),
                    ContainsSubstring("rank 1 on login1: sees no GPU (cudaErrorNoDevice"));
}

TEST_CASE("cards that no rank takes are counted") {
  std::vector<RankCards> const ranks{rank_with(0, eight), rank_with(1, eight)};
  auto const choices = plan_cards("node", ranks, CardSharing::refused);
  CHECK_THAT(describe_idle_cards("node", ranks, choices),
             ContainsSubstring("6 of the 8 GPUs of node have no rank"));
}
