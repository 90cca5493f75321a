// SPDX-License-Identifier: Apache-2.0
#include "parallel/placement.hpp"

#include <algorithm>
#include <span>

#include "parallel/mpi_session.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using Catch::Matchers::ContainsSubstring;

namespace {

// A made-up run: `per_host` ranks on each host, each with `cores` cores of its own.
std::vector<Placement> run_on_hosts(GridShape const& shape, int per_host, int cores) {
  std::vector<Placement> placements;
  for (int rank = 0; rank < shape.num_ranks(); ++rank) {
    Placement placement;
    placement.rank = rank;
    placement.coord = coord_of(shape, rank);
    placement.host = talus::concat("n", rank / per_host);
    placement.node_rank = rank % per_host;
    for (int core = 0; core < cores; ++core) {
      placement.cores.push_back(placement.node_rank * cores + core);
    }
    placement.numa = {placement.node_rank * 2 / per_host};
    placements.push_back(placement);
  }
  return placements;
}

int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

}  // namespace

TEST_CASE("rank 0 learns where every rank is") {
  ProcessGrid const grid{MPI_COMM_WORLD, {.dp = world_size(), .ep = world_size()}};

  std::vector<Placement> const placements = gather_placement(grid);

  auto const expected = static_cast<std::size_t>(grid.world().rank() == 0 ? world_size() : 0);
  REQUIRE(placements.size() == expected);
  for (std::size_t rank = 0; rank < placements.size(); ++rank) {
    Placement const& placement = placements[rank];
    CHECK(placement.rank == static_cast<int>(rank));
    CHECK(placement.coord == coord_of(grid.shape(), placement.rank));
    CHECK_FALSE(placement.host.empty());
    auto const before = std::span{placements}.first(rank);
    CHECK(placement.node_rank ==
          std::count_if(before.begin(), before.end(), [&](Placement const& other) {
            return other.host == placement.host;
          }));
    CHECK(std::is_sorted(placement.cores.begin(), placement.cores.end()));
    CHECK_FALSE(placement.cores.empty());
    CHECK(placement.cores.size() <= static_cast<std::size_t>(num_usable_cores()));
    CHECK(std::ssize(placement.cores) <= placement.num_host_cores);
    CHECK_FALSE(placement.numa.empty());
  }
}

TEST_CASE("the table has a line for each of a few ranks") {
  auto const placements = run_on_hosts({.dp = 1, .pp = 2, .tp = 2, .ep = 2}, 2, 4);

  CHECK(format_placement(placements) ==
        "rank  host  cores  numa  dp  pp  tp  ep\n"
        "0     n0    0-3    0     0   0   0   0\n"
        "1     n0    4-7    1     0   0   1   1\n"
        "2     n1    0-3    0     0   1   0   0\n"
        "3     n1    4-7    1     0   1   1   1\n");
}

TEST_CASE("many ranks are told by TP group, then by host, then with the middle left out") {
  auto const placements = run_on_hosts({.dp = 2, .pp = 2, .tp = 4}, 8, 1);

  CHECK(format_placement(placements, 4) ==
        "rank   host  cores  numa  dp  pp  tp   ep\n"
        "0-3    n0    0-3    0     0   0   0-3  0\n"
        "4-7    n0    4-7    1     0   1   0-3  0\n"
        "8-11   n1    0-3    0     1   0   0-3  0\n"
        "12-15  n1    4-7    1     1   1   0-3  0\n");
  CHECK(format_placement(placements, 2) ==
        "rank  host  cores  numa  dp  pp   tp   ep\n"
        "0-7   n0    0-7    0,1   0   0,1  0-3  0\n"
        "8-15  n1    0-7    0,1   1   0,1  0-3  0\n");
  CHECK(format_placement(run_on_hosts({.dp = 9}, 1, 1), 4) ==
        "rank  host  cores  numa  dp  pp  tp  ep\n"
        "0     n0    0      0     0   0   0   0\n"
        "1     n1    0      0     1   0   0   0\n"
        "... 5 lines left out\n"
        "7     n7    0      0     7   0   0   0\n"
        "8     n8    0      0     8   0   0   0\n");
}

TEST_CASE("a good placement has no warnings") {
  CHECK(placement_warnings(run_on_hosts({.dp = 2, .pp = 2, .tp = 4}, 8, 2)).empty());
}

TEST_CASE("TP groups across hosts are told") {
  auto const warnings = placement_warnings(run_on_hosts({.dp = 1, .pp = 3, .tp = 4}, 6, 1));

  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0],
             ContainsSubstring("1 of 3 TP groups cross hosts, such as ranks 4-7 on n0,n1"));
}

TEST_CASE("numbers are written as ranges") {
  CHECK(format_ranges(std::vector<int>{}).empty());
  CHECK(format_ranges(std::vector{3}) == "3");
  CHECK(format_ranges(std::vector{0, 1}) == "0,1");
  CHECK(format_ranges(std::vector{0, 1, 2, 5, 7, 8, 9}) == "0-2,5,7-9");
}
