// SPDX-License-Identifier: Apache-2.0
#include "jobs/doctor/examine.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "jobs/doctor/compute.hpp"
#include "jobs/doctor/file_reading.hpp"
#include "jobs/doctor/findings.hpp"
#include "jobs/doctor/link_probe.hpp"
#include "jobs/doctor/report_json.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;          // what is tested
using namespace talus::doctor;  // what is tested

namespace {

parallel::Communicator const& world() {
  static auto const comm = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  return comm;
}

/// The machine's ranks as if each were a host of its own, or all on one.
struct Split {
  explicit Split(bool own_hosts)
      : node{world().split(own_hosts ? world().rank() : 0, 0)},
        leaders{world().split(node.rank() == 0 ? 0 : 1, world().rank())} {}

  [[nodiscard]] Hosts hosts() const { return {world(), node, leaders}; }

  parallel::Communicator node;
  parallel::Communicator leaders;
};

bool is_last() {
  return world().rank() == world().size() - 1;
}

}  // namespace

TEST_CASE("two ranks measure the way between them, and compare their clocks") {
  if (world().size() > 1 && world().rank() == 0) {
    ProbedLink const link = probe(world(), 1, {.latency = 0.001, .bandwidth = 0.001});

    CHECK(link.latency > 0.0);
    CHECK(link.bytes_per_second > 0.0);
    CHECK(link.clock_error == link.latency);
    // One machine, one clock: what is measured may be off by its bound, and by what reading costs.
    CHECK(std::abs(link.clock_offset) <= link.clock_error + 1e-3);
  } else if (world().rank() == 1) {
    answer_probe(world(), 0);
  }
}

TEST_CASE("ranks as hosts: all pairs and all clocks are there") {
  Split const split{true};

  NetworkFacts const facts = examine_network(split.hosts());

  auto const ranks = static_cast<std::size_t>(world().size());
  if (world().rank() == 0) {
    CHECK(facts.links.size() == ranks * (ranks - 1) / 2);
    CHECK(facts.num_host_pairs == std::ssize(facts.links));
    CHECK(facts.inside.empty());
    REQUIRE(facts.clocks.size() == ranks);
    CHECK(facts.clocks[0].seconds == 0.0);
    CHECK(facts.clocks.back().rank == world().size() - 1);
    for (ClockOffset const& clock : facts.clocks) {
      CHECK(std::abs(clock.seconds) <= clock.error + 1e-2);
    }
  } else {
    CHECK(facts.clocks.empty());
  }
}

TEST_CASE("ranks of one host: a link inside, none between") {
  Split const split{false};

  NetworkFacts const facts = examine_network(split.hosts());

  CHECK(facts.links.empty());
  CHECK(facts.inside.size() == (world().rank() == 0 && world().size() > 1 ? 1U : 0U));
}

TEST_CASE("a rank that computes slowly is found") {
  Split const split{false};
  ComputeMeters const meters{
      .arithmetic = [](int threads) { return (is_last() ? 1e9 : 1e10) * threads; },
      .memory = [](int, std::int64_t) { return 2e10; }};

  ComputeFacts const facts = examine_compute(split.hosts(), 2, meters);

  CHECK(facts.arithmetic_rate == (is_last() ? 2e9 : 2e10));
  CHECK(facts.memory_rate_together == 2e10);
  CHECK(facts.ranks_at_a_time == 1);
  RankFacts const mine{.rank = world().rank(),
                       .host = "n",
                       .cores = {world().rank()},
                       .num_host_cores = world().size(),
                       .threads = 2,
                       .arithmetic_rate = facts.arithmetic_rate,
                       .memory_rate_alone = facts.memory_rate_alone,
                       .thread_level = "multiple"};
  std::string const text = to_json(mine).dump();
  Report report;
  for (auto const& bytes : parallel::gather_bytes(world(), std::as_bytes(std::span{text}), 0)) {
    report.ranks.push_back(rank_from_json(
        io::parse_json({reinterpret_cast<char const*>(bytes.data()), bytes.size()}, "a rank")));
  }
  auto const findings = findings_of(report);
  if (world().rank() == 0 && world().size() > 1) {
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].kind == "slow_arithmetic");
    CHECK(findings[0].ranks == std::vector{world().size() - 1});
  } else {
    CHECK(findings.empty());
  }
}

TEST_CASE("a checkpoint is read once by all ranks together") {
  std::string const model = TALUS_SOURCE_DIR "/jobs/demo/moe";

  FileReading const reading = examine_reading(world(), model);

  std::int64_t bytes = 0;
  for (auto const& entry : std::filesystem::directory_iterator{model}) {
    bytes += entry.path().extension() == ".safetensors"
                 ? static_cast<std::int64_t>(entry.file_size())
                 : 0;
  }
  CHECK(reading.job.read_bytes == bytes);
  CHECK(reading.job.total_bytes == bytes);
  CHECK(reading.job.bytes_per_second > 0.0);
  CHECK(reading.job.problem.empty());
  CHECK(parallel::all_reduce(world(), reading.bytes, parallel::ReduceOp::sum) == bytes);
}

TEST_CASE("a checkpoint that isn't there is a problem, not an error") {
  FileReading const reading = examine_reading(world(), "/no/such/checkpoint");

  CHECK(reading.bytes == 0);
  CHECK(reading.job.problem.empty() == (world().rank() != 0));
}

TEST_CASE("facts go through JSON unchanged") {
  RankFacts const facts{.rank = 3,
                        .host = "n",
                        .cores = {1, 2},
                        .numa = {0},
                        .threads = 2,
                        .processor = "P \"q\"",
                        .arithmetic_rate = 1.5,
                        .file_seconds = 0.25,
                        .thread_level = "multiple"};

  RankFacts const back = rank_from_json(to_json(facts));

  CHECK(to_json(back) == to_json(facts));
  CHECK_FALSE(back.cards);

  RankFacts with_card = facts;
  with_card.cards.emplace().found.push_back({.name = "G",
                                             .uuid = "u",
                                             .major = 9,
                                             .minor = 1,
                                             .num_multiprocessors = 3,
                                             .memory_bytes = std::int64_t{1} << 40,
                                             .pci = "0000:3b:00.0"});
  RankFacts const with_card_back = rank_from_json(to_json(with_card));
  CHECK(to_json(with_card_back) == to_json(with_card));
  REQUIRE(with_card_back.cards);
  CHECK(with_card_back.cards->found.at(0).minor == 1);
  CHECK(with_card_back.cards->found.at(0).pci == "0000:3b:00.0");

  RankFacts without_card = facts;
  without_card.cards = kernels::cuda::Devices{{}, "no driver"};
  RankFacts const without_card_back = rank_from_json(to_json(without_card));
  REQUIRE(without_card_back.cards);
  CHECK(without_card_back.cards->found.empty());
  CHECK(without_card_back.cards->reason == "no driver");
  CHECK_THROWS_AS(rank_from_json(io::Json::object()), ConfigError);
}
