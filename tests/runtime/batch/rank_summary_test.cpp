// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/rank_summary.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// Ranks of a run of 200 s as they may be; the more of one number a rank has, the less of another.
std::vector<RankSummary> some_ranks(int count) {
  std::vector<RankSummary> all(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    RankSummary& one = all[static_cast<std::size_t>(7 * i % count)];  // in no order
    one.steps = 1000 + i;
    one.prefill_tokens = 5000 - i;
    one.decode_tokens = 100 * i;
    one.seconds = 200.0;
    one.compute = 100.0 + i;
    one.communication = 60.5 - i;
    one.waiting = 0.25 * i;
  }
  return all;
}

std::vector<std::string> lines_of(std::string const& table) {
  std::istringstream in{table};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

TEST_CASE("up to 32 ranks have a line each, with their places in the grid") {
  auto const lines = lines_of(format_summaries(some_ranks(32), {.dp = 4, .pp = 2, .tp = 4}));

  REQUIRE(lines.size() == 33);
  CHECK(lines[0] ==
        "rank  dp  pp  tp     steps   prefill    decode   busy  compute s   comm s   wait s");
  CHECK(lines[1] ==
        "   0   0   0   0      1000      5000         0  50.0%     100.00    60.50     0.00");
  // The 23rd of them, since 7 * 23 is 1 more than five times 32.
  CHECK(lines[2] ==
        "   1   0   0   1      1023      4977      2300  61.5%     123.00    37.50     5.75");
  CHECK(lines[32].rfind("  31   3   1   3 ", 0) == 0);
}

TEST_CASE("of more ranks there are the least, the median and the most of each column") {
  auto const lines = lines_of(format_summaries(some_ranks(33), {.dp = 33}));

  REQUIRE(lines.size() == 4);
  CHECK(lines[0] ==
        "of the ranks         steps   prefill    decode   busy  compute s   comm s   wait s");
  CHECK(lines[1] ==
        "least                 1000      4968         0  50.0%     100.00    28.50     0.00");
  CHECK(lines[2] ==
        "median                1016      4984      1600  58.0%     116.00    44.50     4.00");
  CHECK(lines[3] ==
        "most                  1032      5000      3200  66.0%     132.00    60.50     8.00");
}

TEST_CASE("the table of ten thousand ranks is as short, and a rank that stands out is in it") {
  std::vector<RankSummary> ranks(10000, some_ranks(1).front());
  ranks[7777].waiting = 199.0;

  auto const lines = lines_of(format_summaries(ranks, {.dp = 10000}));

  REQUIRE(lines.size() == 4);
  CHECK(lines[2].ends_with("   0.00"));
  CHECK(lines[3].ends_with(" 199.00"));
}
