// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/traffic_choice.hpp"

#include <vector>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::runtime;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Two hosts with two cards each.
std::vector<TrafficMeans> four_cards() {
  return {{"a 0000:3b:00.0", "", false},
          {"a 0000:af:00.0", "", false},
          {"b 0000:3b:00.0", "", false},
          {"b 0000:af:00.0", "", false}};
}

}  // namespace

TEST_CASE("--comm is auto, mpi or nccl") {
  CHECK(comm_option_from("auto") == CommOption::automatic);
  CHECK(comm_option_from("mpi") == CommOption::mpi);
  CHECK(comm_option_from("nccl") == CommOption::nccl);
  CHECK_THROWS_WITH(comm_option_from("gpu"),
                    ContainsSubstring("--comm: gpu (allowed: auto, mpi, nccl)"));
}

TEST_CASE("NCCL is chosen where every rank has the library and a card of its own") {
  CHECK(choose_traffic(CommOption::automatic, four_cards()).kind == TrafficKind::nccl);
  CHECK(choose_traffic(CommOption::nccl, four_cards()).kind == TrafficKind::nccl);
  CHECK(choose_traffic(CommOption::mpi, four_cards()) ==
        TrafficChoice{TrafficKind::staged, "--comm mpi; MPI doesn't say it takes GPU memory"});
}

TEST_CASE("a card that two ranks have, or a library that one lacks, leaves MPI") {
  auto ranks = four_cards();
  ranks[3].card = ranks[2].card;  // instances of a partitioned card are one to NCCL
  TrafficChoice const shared = choose_traffic(CommOption::automatic, ranks);
  CHECK(shared.kind == TrafficKind::staged);
  CHECK_THAT(shared.reason,
             ContainsSubstring("ranks 2 and 3 of the group have one card, b 0000:3b"));
  CHECK_THROWS_WITH(choose_traffic(CommOption::nccl, ranks),
                    ContainsSubstring("--comm nccl: ranks 2 and 3 of the group have one card"));

  ranks = four_cards();
  ranks[1].library_problem = "NCCL: libnccl.so.2: cannot open shared object file";
  TrafficChoice const missing = choose_traffic(CommOption::automatic, ranks);
  CHECK(missing.kind == TrafficKind::staged);
  CHECK_THAT(missing.reason, ContainsSubstring("rank 1 of the group: NCCL: libnccl.so.2"));
  CHECK_THROWS_AS(choose_traffic(CommOption::nccl, ranks), ConfigError);
}

TEST_CASE("MPI is given device memory only if it says on all ranks that it takes it") {
  auto ranks = four_cards();
  for (TrafficMeans& means : ranks) {
    means.mpi_takes_device_memory = true;
  }
  CHECK(choose_traffic(CommOption::mpi, ranks).kind == TrafficKind::gpu_aware);
  CHECK(choose_traffic(CommOption::automatic, ranks).kind == TrafficKind::nccl);
  ranks[2].mpi_takes_device_memory = false;
  CHECK(choose_traffic(CommOption::mpi, ranks).kind == TrafficKind::staged);
}
