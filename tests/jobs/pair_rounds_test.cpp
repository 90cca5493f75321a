// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/pair_rounds.hpp"

#include <set>
#include <utility>

#include "tests/support/catch.hpp"

using talus::doctor::PairRounds;

namespace {

using Pairs = std::set<std::pair<int, int>>;

/// All pairs of all rounds; fails if a round is not made of pairs, or one comes twice.
Pairs pairs_of(PairRounds const& rounds, int members) {
  Pairs pairs;
  for (int round = 0; round < rounds.num_rounds(); ++round) {
    for (int member = 0; member < members; ++member) {
      int const partner = rounds.partner_of(member, round);
      if (partner < 0) {
        continue;
      }
      REQUIRE(partner < members);
      REQUIRE(partner != member);
      REQUIRE(rounds.partner_of(partner, round) == member);
      if (member < partner) {
        REQUIRE(pairs.insert({member, partner}).second);
      }
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("all pairs meet once") {
  for (int members = 1; members <= 17; ++members) {
    PairRounds const rounds{members, 100};

    CHECK(std::ssize(pairs_of(rounds, members)) == rounds.num_pairs());
  }
}

TEST_CASE("of many members a part of the pairs is taken, as many for each member") {
  PairRounds const rounds{2500, 32};

  CHECK(rounds.num_rounds() == 32);
  CHECK(rounds.num_pairs() == 2500 * 2499 / 2);
  CHECK(pairs_of(rounds, 2500).size() == 32 * 1250);
}
