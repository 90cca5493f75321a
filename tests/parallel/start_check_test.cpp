// SPDX-License-Identifier: Apache-2.0
#include "parallel/start_check.hpp"

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using Catch::Matchers::ContainsSubstring;

namespace {

LaunchFacts four_nodes() {
  LaunchFacts facts;
  facts.num_nodes = 4;
  facts.nodes_from = "SLURM_JOB_NUM_NODES";
  facts.nodes = {"n1", "n2", "n3", "n4"};
  return facts;
}

}  // namespace

TEST_CASE("a node without a rank is named") {
  CHECK_THAT(describe_left_out(four_nodes(), {"n1", "n3", "n4"}, 3),
             ContainsSubstring("1 of the 4 nodes that SLURM_JOB_NUM_NODES tells of have no rank: "
                               "n2 "));
  CHECK(describe_left_out(four_nodes(), {"n1", "n2", "n3", "n4"}, 4).empty());
}

TEST_CASE("a step that was given some of the nodes is told from one that uses some") {
  LaunchFacts facts = four_nodes();
  facts.step_nodes = 2;
  CHECK_THAT(describe_left_out(facts, {"n1", "n3"}, 2),
             ContainsSubstring("no rank: n2, n4 (this job step was given 2; they do nothing unless "
                               "other steps run there)"));
  CHECK_THAT(describe_left_out(facts, {"n1"}, 1),
             ContainsSubstring("(they do nothing in this run)"));

  facts.step_nodes = 4;
  CHECK_THAT(describe_left_out(facts, {"n1"}, 1),
             ContainsSubstring("(they do nothing in this run)"));
}

TEST_CASE("nodes with names that the scheduler doesn't know are counted, not named") {
  std::string const told = describe_left_out(four_nodes(), {"x1", "x2"}, 2);

  CHECK_THAT(told, ContainsSubstring("2 of the 4 nodes"));
  CHECK_THAT(told, ContainsSubstring("have no rank ("));
}

TEST_CASE("nodes emulated on one host, or hosts under one name, are no alarm") {
  CHECK(describe_left_out(four_nodes(), {"n1", "n2", "n3", "n4"}, 1).empty());
  CHECK(describe_left_out(four_nodes(), {"localhost"}, 4).empty());
}

TEST_CASE("without a count of nodes nothing is left out") {
  CHECK(describe_left_out({}, {"n1"}, 1).empty());
}

TEST_CASE("processes that don't know of each other are told") {
  LaunchFacts facts;
  facts.launcher = "slurm";
  facts.size = 4;

  CHECK_THAT(describe_mismatch(facts, 1), ContainsSubstring("started 4 processes"));
  CHECK(describe_mismatch(facts, 4).empty());
  CHECK(describe_mismatch(facts, 6).empty());  // several programs of one job
  CHECK(describe_mismatch({}, 1).empty());
}

TEST_CASE("rank 0 alone gets the report, and a node that isn't there is in it") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  LaunchFacts facts = four_nodes();
  facts.num_nodes = 1000;
  facts.nodes.clear();

  StartReport const report = check_start(world, facts);

  CHECK(report.left_out.empty() == (world.rank() != 0));
  if (world.rank() == 0) {
    CHECK_THAT(report.left_out, ContainsSubstring("999 of the 1000 nodes"));
  } else {
    CHECK(report.warnings.empty());
  }
}

TEST_CASE("the scheduler's names of nodes count, whatever the host is called") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  LaunchFacts facts = four_nodes();
  facts.node = talus::concat("n", 1 + world.rank() % 4);

  StartReport const report = check_start(world, facts);

  if (world.rank() == 0) {
    CHECK(report.left_out.empty() == (world.size() >= 4));
    CHECK((report.left_out.empty() || report.left_out.find(": n") != std::string::npos));
  }
}
