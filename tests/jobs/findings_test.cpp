// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/findings.hpp"

#include <algorithm>

#include "jobs/doctor/report_text.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::doctor;  // what is tested
using Catch::Matchers::ContainsSubstring;

namespace {

/// Four hosts of two ranks, all of them alike, and every two hosts linked.
Report healthy() {
  Report report;
  for (int rank = 0; rank < 8; ++rank) {
    RankFacts facts;
    facts.rank = rank;
    facts.host = talus::concat("n", rank / 2);
    facts.node_rank = rank % 2;
    facts.cores = {2 * facts.node_rank, 2 * facts.node_rank + 1};
    facts.num_host_cores = 4;
    facts.threads = 2;
    facts.processor = "P";
    facts.arithmetic_rate = 1e11 + rank * 1e8;
    facts.memory_rate_alone = 2e10;
    facts.memory_rate_together = 1e10;
    facts.thread_level = "multiple";
    report.ranks.push_back(facts);
  }
  for (int a = 0; a < 8; a += 2) {
    report.clocks.push_back({a, 1e-5, 2e-5});
    for (int b = a + 2; b < 8; b += 2) {
      report.links.push_back({{a, b}, 2e-6, 1e10});
    }
  }
  report.num_host_pairs = 6;
  return report;
}

/// The one finding that there is.
Finding only(Report const& report) {
  auto const findings = findings_of(report);
  REQUIRE(findings.size() == 1);
  return findings.front();
}

}  // namespace

TEST_CASE("nothing is wrong with a healthy job") {
  CHECK(findings_of(healthy()).empty());
  CHECK_THAT(to_text(healthy(), {}), ContainsSubstring("nothing looks wrong"));
}

TEST_CASE("a slow rank is named, with its host and by how much") {
  Report report = healthy();
  report.ranks[5].arithmetic_rate = 0.5e11;

  Finding const finding = only(report);

  CHECK(finding.kind == "slow_arithmetic");
  CHECK(finding.ranks == std::vector{5});
  CHECK(finding.hosts == std::vector<std::string>{"n2"});
  CHECK_THAT(finding.text,
             ContainsSubstring("rank 5 on n2: arithmetic rate is 0.50 of the median"));
}

TEST_CASE("slow memory is told apart, and ranks of other sizes are not compared") {
  Report report = healthy();
  report.ranks[2].memory_rate_alone = 1e9;
  report.ranks[7].threads = 1;
  report.ranks[7].arithmetic_rate = 0.5e11;

  Finding const finding = only(report);

  CHECK(finding.kind == "slow_memory");
  CHECK(finding.ranks == std::vector{2});
}

TEST_CASE("ranks that share cores are not compared, and that is told") {
  Report report = healthy();
  SECTION("more ranks than cores") {
    for (int i = 0; i < 4; ++i) {  // n3 has 6 ranks on 4 cores, bound to nothing
      report.ranks.push_back(report.ranks[7]);
      report.ranks.back().rank = 8 + i;
    }
    for (std::size_t rank = 6; rank < report.ranks.size(); ++rank) {
      report.ranks[rank].cores = {0, 1, 2, 3};
      report.ranks[rank].threads = 1;
      report.ranks[rank].arithmetic_rate = 1e10 * static_cast<double>(rank);
    }
    auto const findings = findings_of(report);
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].kind == "crowded_host");
    CHECK(findings[1].kind == "not_compared");
    CHECK_THAT(findings[1].text, ContainsSubstring("rates of ranks 6-11 are not compared"));
    CHECK(findings[1].ranks == std::vector{6, 7, 8, 9, 10, 11});
    CHECK(findings[1].hosts == std::vector<std::string>{"n3"});
  }
  SECTION("more threads than cores, bound to nothing") {
    for (std::size_t rank = 4; rank < 6; ++rank) {
      report.ranks[rank].cores = {0, 1, 2, 3};
      report.ranks[rank].threads = 4;
    }
    report.ranks[5].arithmetic_rate = 1e9;
    CHECK(only(report).kind == "not_compared");
    CHECK(only(report).ranks == std::vector{4, 5});
  }
  SECTION("more threads than cores that are the rank's own: that is what it reaches") {
    report.ranks[5].cores = {2};
    report.ranks[5].arithmetic_rate = 1e9;
    CHECK(only(report).kind == "slow_arithmetic");
  }
  SECTION("those of other hosts still are") {
    report.ranks[0].cores = report.ranks[1].cores = {0};
    report.ranks[0].arithmetic_rate = 1e9;
    report.ranks[4].arithmetic_rate = 1e9;
    auto const findings = findings_of(report);
    REQUIRE(findings.size() == 3);
    CHECK(findings[0].kind == "shared_cores");
    CHECK(findings[1].kind == "not_compared");
    CHECK(findings[2].kind == "slow_arithmetic");
    CHECK(findings[2].ranks == std::vector{4});
  }
}

TEST_CASE("ranks that share a socket with a core for each are compared") {
  Report report = healthy();
  for (RankFacts& rank : report.ranks) {
    rank.cores = {0, 1, 2, 3};
  }
  report.ranks[5].arithmetic_rate = 0.5e11;
  CHECK(only(report).kind == "slow_arithmetic");
}

TEST_CASE("of many slow ranks the worst are told, and how many more there are") {
  Report report = healthy();
  for (int i = 0; i < 32; ++i) {
    report.ranks.push_back(report.ranks[0]);
    report.ranks.back().rank = 8 + i;
    report.ranks.back().host = talus::concat("x", i);
    report.ranks.back().arithmetic_rate = i < 10 ? 1e10 - i * 1e8 : 1e11;
  }

  auto const findings = findings_of(report);

  REQUIRE(findings.size() == 9);
  CHECK(findings[0].ranks == std::vector{17});
  CHECK_THAT(findings[8].text, ContainsSubstring("2 more"));
}

TEST_CASE("slow and long links are named by their hosts") {
  Report report = healthy();
  report.links[1].bytes_per_second = 1e9;
  CHECK_THAT(only(report).text,
             ContainsSubstring("bandwidth between n0 and n2 is 0.10 of the median"));

  report.links[1].bytes_per_second = 1e10;
  report.links[5].latency = 1e-4;
  CHECK(only(report).kind == "long_latency");
  CHECK(only(report).hosts == std::vector<std::string>{"n2", "n3"});
}

TEST_CASE("two hosts with one link are not compared with each other") {
  Report report = healthy();
  report.ranks.resize(4);
  report.clocks.resize(2);
  report.links = {{{0, 2}, 1e-3, 1e6}};

  CHECK(findings_of(report).empty());
}

TEST_CASE("bindings, thread level, nodes, clocks and processors") {
  SECTION("two ranks on a core") {
    Report report = healthy();
    report.ranks[6].cores = report.ranks[7].cores = {1};
    auto const findings = findings_of(report);
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].kind == "shared_cores");
    CHECK_THAT(findings[0].text, ContainsSubstring("n3: ranks 6,7 are all bound to core 1"));
    CHECK(findings[1].kind == "not_compared");
  }
  SECTION("thread level") {
    Report report = healthy();
    report.ranks[3].thread_level = "funneled";
    CHECK_THAT(only(report).text, ContainsSubstring("MPI_THREAD_FUNNELED"));
    CHECK(only(report).ranks == std::vector{3});
  }
  SECTION("a node without a rank") {
    Report report = healthy();
    report.left_out = "1 of the 5 nodes have no rank";
    CHECK(only(report).kind == "idle_node");
  }
  SECTION("a clock") {
    Report report = healthy();
    report.clocks[2].seconds = -1.5;
    CHECK_THAT(only(report).text, ContainsSubstring("the clock of n2 is 1.5 s behind that of n0"));
    report.clocks[2].error = 1.495;  // it may as well be the measurement
    CHECK(findings_of(report).empty());
  }
  SECTION("processors") {
    Report report = healthy();
    report.ranks[0].processor = report.ranks[1].processor = "Q";
    CHECK_THAT(only(report).text, ContainsSubstring("P on 3 hosts (n1, ...); Q on 1 host (n0)"));
  }
}

TEST_CASE("GPUs are looked at where ranks tell of them") {
  Report report = healthy();
  for (RankFacts& rank : report.ranks) {  // two GPUs a host, seen by both ranks
    rank.cards.emplace();
    for (int card = 0; card < 2; ++card) {
      rank.cards->found.push_back({.name = "G", .uuid = talus::concat(rank.host, '.', card)});
    }
  }
  CHECK(findings_of(report).empty());
  CHECK_THAT(to_text(report, {}), ContainsSubstring("GPUs seen"));

  report.ranks[2].cards->found.resize(1);  // the same one is left to both ranks of n1
  report.ranks[3].cards->found.resize(1);
  CHECK(only(report).kind == "shared_card");
  CHECK(only(report).ranks == std::vector{2, 3});
  CHECK(only(report).hosts == std::vector<std::string>{"n1"});

  report.ranks[5].cards = talus::kernels::cuda::Devices{{}, "no driver"};
  auto const findings = findings_of(report);
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].kind == "no_card");
  CHECK(findings[0].ranks == std::vector{5});
  CHECK_THAT(findings[0].text, ContainsSubstring("rank 5 on n2: sees no GPU (no driver;"));
  CHECK(findings[1].kind == "shared_card");
  CHECK(findings[2].kind == "idle_card");
  CHECK_THAT(findings[2].text, ContainsSubstring("1 of the 2 GPUs of n2 have no rank"));
}

TEST_CASE("sockets are a finding between hosts only, and where nothing else is open") {
  Report report = healthy();
  report.transport = {{"pml ob1", ""}, {"btl self", ""}, {"btl vader", ""}, {"btl tcp", ""}};
  CHECK(only(report).kind == "sockets");

  report.transport.push_back({"btl uct", ""});
  CHECK(findings_of(report).empty());
}

TEST_CASE("a host that reads slowly is named, and a checkpoint that can't be read") {
  Report report = healthy();
  report.file = FileFacts{.path = "m", .problem = ""};
  for (RankFacts& rank : report.ranks) {
    rank.file_bytes = 1 << 20;
    rank.file_seconds = rank.host == "n1" ? 1.0 : 0.1;
  }
  CHECK(only(report).kind == "slow_reading");
  CHECK(only(report).hosts == std::vector<std::string>{"n1"});

  report = healthy();
  report.file = FileFacts{.path = "m", .problem = "no such directory"};
  CHECK(only(report).kind == "unreadable");
}
