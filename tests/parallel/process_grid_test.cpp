// SPDX-License-Identifier: Apache-2.0
#include "parallel/process_grid.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using Catch::Matchers::ContainsSubstring;

namespace {

int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

// Every shape that fits the ranks, with every size of expert group.
std::vector<GridShape> shapes_of(int ranks) {
  std::vector<GridShape> shapes;
  for (int tp = 1; tp <= ranks; ++tp) {
    for (int pp = 1; pp * tp <= ranks; ++pp) {
      for (int ep = 1; ranks % (pp * tp) == 0 && ep <= ranks / pp; ++ep) {
        if (ranks / pp % ep == 0) {
          shapes.push_back({.dp = ranks / (pp * tp), .pp = pp, .tp = tp, .ep = ep});
        }
      }
    }
  }
  return shapes;
}

// The world ranks of the members of `group`, in its order.
std::vector<int> members(ProcessGrid const& grid, Communicator const& group) {
  std::vector<int> ranks(static_cast<std::size_t>(group.size()));
  int const mine = grid.world().rank();
  all_gather(group, std::span{&mine, 1}, std::span{ranks});
  return ranks;
}

// The ranks of the grid for which `belongs` is true, in world order.
template <class Predicate>
std::vector<int> ranks_where(GridShape const& shape, Predicate belongs) {
  std::vector<int> ranks;
  for (int rank = 0; rank < shape.num_ranks(); ++rank) {
    if (belongs(coord_of(shape, rank))) {
      ranks.push_back(rank);
    }
  }
  return ranks;
}

// Each group has the ranks that share its coordinates, in order.
void check_groups(ProcessGrid const& grid) {
  GridShape const shape = grid.shape();
  GridCoord const here = grid.here();
  int const my_expert_group = plane_rank_of(shape, here) / shape.ep;

  CHECK(rank_of(shape, here) == grid.world().rank());
  CHECK(members(grid, grid.replica()) ==
        ranks_where(shape, [&](GridCoord c) { return c.dp == here.dp; }));
  CHECK(members(grid, grid.tp()) ==
        ranks_where(shape, [&](GridCoord c) { return c.dp == here.dp && c.pp == here.pp; }));
  CHECK(members(grid, grid.pp()) ==
        ranks_where(shape, [&](GridCoord c) { return c.dp == here.dp && c.tp == here.tp; }));
  CHECK(members(grid, grid.plane()) ==
        ranks_where(shape, [&](GridCoord c) { return c.pp == here.pp; }));
  CHECK(members(grid, grid.expert()) == ranks_where(shape, [&](GridCoord c) {
          return c.pp == here.pp && plane_rank_of(shape, c) / shape.ep == my_expert_group;
        }));
  CHECK(grid.tp().rank() == here.tp);
  CHECK(grid.pp().rank() == here.pp);
  CHECK(grid.expert().rank() == here.ep);
}

// The leads are the first ranks of the replicas, joined where expert groups join these.
void check_leads(ProcessGrid const& grid) {
  GridShape const shape = grid.shape();
  GridCoord const here = grid.here();
  int const joined = num_joined_replicas(shape);
  auto const is_lead = [](GridCoord c) { return c.pp == 0 && c.tp == 0; };

  REQUIRE(grid.is_lead() == is_lead(here));
  CHECK(grid.spans_replicas() == (joined > 1));
  if (grid.is_lead()) {
    CHECK(members(grid, grid.leads()) == ranks_where(shape, is_lead));
    CHECK(members(grid, grid.joined_leads()) == ranks_where(shape, [&](GridCoord c) {
            return is_lead(c) && c.dp / joined == here.dp / joined;
          }));
    CHECK(grid.leads().rank() == here.dp);
  }
}

}  // namespace

TEST_CASE("every grid that fits the ranks has its groups and its leads") {
  for (GridShape const& shape : shapes_of(world_size())) {
    CAPTURE(shape.dp, shape.pp, shape.tp, shape.ep);
    ProcessGrid const grid{MPI_COMM_WORLD, shape};

    check_groups(grid);
    check_leads(grid);
  }
}

TEST_CASE("no expert group crosses the border of joined replicas, and no fewer could be joined") {
  GridShape const shape = GENERATE(values<GridShape>({{.dp = 4, .pp = 2, .tp = 2, .ep = 1},
                                                      {.dp = 4, .pp = 2, .tp = 2, .ep = 2},
                                                      {.dp = 4, .pp = 2, .tp = 2, .ep = 4},
                                                      {.dp = 4, .pp = 1, .tp = 2, .ep = 8},
                                                      {.dp = 2, .pp = 1, .tp = 6, .ep = 4},
                                                      {.dp = 4, .pp = 1, .tp = 3, .ep = 2},
                                                      {.dp = 6, .pp = 1, .tp = 1, .ep = 3}}));
  int const joined = num_joined_replicas(shape);

  CHECK(shape.dp % joined == 0);
  for (int border = 1; border <= shape.dp; ++border) {
    bool const meets_expert_border = border * shape.tp % shape.ep == 0;
    CHECK(meets_expert_border == (border % joined == 0));
  }
}

TEST_CASE("the grid has a message context of its own, and knows who is on the same host") {
  ProcessGrid const grid{MPI_COMM_WORLD, {.dp = world_size()}};
  std::array<char, MPI_MAX_PROCESSOR_NAME> host{};
  int length = 0;
  MPI_Get_processor_name(host.data(), &length);
  std::vector<char> hosts(host.size() * static_cast<std::size_t>(world_size()));
  all_gather(grid.world(), host, std::span{hosts});

  int relation = MPI_IDENT;
  MPI_Comm_compare(grid.world().native(), MPI_COMM_WORLD, &relation);
  int num_here = 0;
  for (std::size_t first = 0; first < hosts.size(); first += host.size()) {
    num_here += std::equal(host.begin(), host.end(), hosts.data() + first) ? 1 : 0;
  }

  CHECK((relation == MPI_CONGRUENT || relation == MPI_SIMILAR));
  CHECK(grid.node().size() == num_here);
}

TEST_CASE("a grid that does not fit is refused with the arithmetic, on every rank") {
  CHECK_THROWS_AS((ProcessGrid{MPI_COMM_WORLD, {.tp = world_size() + 1}}), talus::ConfigError);
  CHECK_THROWS_WITH(
      check_grid({.dp = 2, .pp = 4, .tp = 4}, 30),
      ContainsSubstring("ranks = 30, dp*tp*pp = 2*4*4 = 32 (they must be equal; with tp=4 and "
                        "pp=4 use 16 or 32 ranks)"));
  CHECK_THROWS_WITH(check_grid({.dp = 1, .pp = 4, .tp = 4}, 32),
                    ContainsSubstring("with tp=4 and pp=4 use dp=2, or 16 ranks"));
  CHECK_THROWS_WITH(check_grid({.dp = 1, .pp = 4, .tp = 4}, 3),
                    ContainsSubstring("with tp=4 and pp=4 at least 16 ranks are needed"));
  CHECK_THROWS_WITH(check_grid({.dp = 2, .pp = 1, .tp = 3, .ep = 4}, 6),
                    ContainsSubstring("ep = 4 (it must divide dp*tp = 2*3 = 6, the ranks of a "
                                      "stage; possible are 1, 2, 3, 6)"));
  CHECK_THROWS_WITH(check_grid({.dp = 0}, 1), ContainsSubstring("dp = 0 ("));
  CHECK_NOTHROW(check_grid({.dp = 2, .pp = 4, .tp = 4, .ep = 8}, 32));
}
