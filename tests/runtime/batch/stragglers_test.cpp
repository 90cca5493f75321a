// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/stragglers.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// Ranks of a run of 100 s with 1000 sums, each last in its share of them by chance.
std::vector<RankSummary> even(std::size_t ranks, std::int64_t tp) {
  std::vector<RankSummary> all(ranks);
  for (RankSummary& one : all) {
    one.seconds = 100.0;
    one.sums = 1000;
    one.sums_last = 1000 / tp;
    one.sum_wait = 5.0;
    one.host = {'n', '1', '7'};
  }
  return all;
}

}  // namespace

TEST_CASE("nobody is a straggler by chance") {
  CHECK(name_stragglers(even(8, 4), {.dp = 2, .pp = 1, .tp = 4}).empty());
  CHECK(name_stragglers(even(1, 1), {}).empty());
}

TEST_CASE("who comes last nearly always is named with its host and what it costs") {
  std::vector<RankSummary> ranks = even(8, 4);
  ranks[5].sums_last = 920;
  ranks[5].sum_wait = 0.5;
  for (std::size_t const other : {4U, 6U, 7U}) {
    ranks[other].sums_last = 26;
    ranks[other].sum_wait = 11.0;
  }

  auto const named = name_stragglers(ranks, {.dp = 2, .pp = 1, .tp = 4});

  REQUIRE(named.size() == 1);
  CHECK(named[0] ==
        "rank 5 on n17 came last in 92% of 1000 sums, for which the others of its tensor-parallel "
        "group waited 11% of the time");
}

TEST_CASE("who comes last and costs nothing, or in a few sums only, is not named") {
  std::vector<RankSummary> ranks = even(2, 2);
  ranks[1].sums_last = 950;
  ranks[0].sum_wait = 0.5;
  CHECK(name_stragglers(ranks, {.tp = 2}).empty());

  ranks[0].sum_wait = 20.0;
  CHECK(name_stragglers(ranks, {.tp = 2}).size() == 1);

  for (RankSummary& one : ranks) {
    one.sums = 50;
    one.sums_last /= 20;
  }
  CHECK(name_stragglers(ranks, {.tp = 2}).empty());
}

TEST_CASE("in an expert group it is who waits least") {
  std::vector<RankSummary> ranks = even(4, 1);
  for (RankSummary& one : ranks) {
    one.expert_wait = 20.0;
  }
  CHECK(name_stragglers(ranks, {.dp = 4, .ep = 4}).empty());

  ranks[2].expert_wait = 1.0;
  auto const named = name_stragglers(ranks, {.dp = 4, .ep = 4});

  REQUIRE(named.size() == 1);
  CHECK(named[0] ==
        "rank 2 on n17 came late to the exchanges of its expert group: it waited 1% of the time, "
        "the others 20% of the time");
}

TEST_CASE("of many stragglers only the worst are named") {
  std::vector<RankSummary> ranks = even(40, 2);
  for (std::size_t i = 0; i < ranks.size(); i += 2) {
    ranks[i].sums_last = 990;
    ranks[i + 1].sum_wait = 10.0 + static_cast<double>(i);
  }

  auto const named = name_stragglers(ranks, {.dp = 20, .tp = 2});

  CHECK(named.size() == 5);
  CHECK(named[0].rfind("rank 38 ", 0) == 0);
}
