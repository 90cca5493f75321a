// SPDX-License-Identifier: Apache-2.0
#include "parallel/node_group.hpp"

#include <vector>

#include "parallel/collectives.hpp"
#include "parallel/communicator.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;

namespace {

int num_splits = 0;  // of MPI's by node, asked for by this rank

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/// Two nodes, over which ranks are dealt out in turn.
int made_up_node() {
  return world_rank() % 2;
}

/// Ranks in MPI_COMM_WORLD of a communicator's, in its order.
std::vector<int> members(Communicator const& comm) {
  std::vector<int> all(static_cast<std::size_t>(comm.size()));
  int const mine = world_rank();
  all_gather<int>(comm, {&mine, 1}, all);
  return all;
}

/// Of a communicator's ranks those on this node.
std::vector<int> members_here(Communicator const& comm) {
  std::vector<int> here = members(comm);
  std::erase_if(here, [](int rank) { return rank % 2 != made_up_node(); });
  return here;
}

}  // namespace

// In the place of MPI's, which finds one node.
extern "C" int MPI_Comm_split_type(
    MPI_Comm comm, int /*type*/, int key, MPI_Info /*info*/, MPI_Comm* made) {
  ++num_splits;
  return PMPI_Comm_split(comm, made_up_node(), key, made);
}

TEST_CASE("MPI is asked once for all that is made of a communicator afterwards") {
  num_splits = 0;
  auto const world = Communicator::duplicate(MPI_COMM_WORLD);
  CHECK(members(world.split_by_node()) == members_here(world));
  CHECK(num_splits == 1);

  auto const again = Communicator::duplicate(world.native());
  auto const reversed = again.duplicate().split(0, -world.rank());
  CHECK(members(again.split_by_node()) == members_here(again));
  CHECK(members(reversed.split_by_node()) == members_here(reversed));
  CHECK(num_splits == 1);
}

TEST_CASE("a part of the ranks remembers its part of the nodes") {
  num_splits = 0;
  auto const world = Communicator::duplicate(MPI_COMM_WORLD);
  auto const node = world.split_by_node();
  CHECK(members(node.split_by_node()) == members(node));
  auto const part = world.split(world.rank() < 3 ? 0 : 1, world.rank());
  CHECK(members(part.split_by_node()) == members_here(part));
  CHECK(num_splits == 1);
}

TEST_CASE("what was made before, and of another one, asks for itself") {
  num_splits = 0;
  auto const world = Communicator::duplicate(MPI_COMM_WORLD);
  auto const before = world.duplicate();
  static_cast<void>(world.split_by_node());
  CHECK(members(before.split_by_node()) == members_here(before));
  CHECK(num_splits == 2);
  static_cast<void>(Communicator::duplicate(MPI_COMM_WORLD).split_by_node());
  CHECK(num_splits == 3);
}

TEST_CASE("a program's communicator remembers until it is told to forget") {
  num_splits = 0;
  {
    NodesRemembered const nodes{MPI_COMM_WORLD};
    auto const world = Communicator::duplicate(MPI_COMM_WORLD);
    CHECK(members(world.split_by_node()) == members_here(world));
    CHECK(num_splits == 1);
  }
  CHECK_FALSE(remembered_node(MPI_COMM_WORLD));
  static_cast<void>(Communicator::duplicate(MPI_COMM_WORLD).split_by_node());
  CHECK(num_splits == 2);
}

TEST_CASE("nothing is remembered of what was never asked") {
  CHECK_FALSE(remembered_node(Communicator::duplicate(MPI_COMM_WORLD).native()));
}
