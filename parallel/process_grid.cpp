// SPDX-License-Identifier: Apache-2.0
#include "parallel/process_grid.hpp"

#include "parallel/collectives.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

namespace {

// The ranks of `parent` with a context of their own, in the order of the grid.
Communicator ordered_world(MPI_Comm parent, GridShape const& shape, CallLog* log) {
  Communicator const given = Communicator::duplicate(parent, log);
  check_grid(shape, given.size());  // before anything else: all ranks see the same, and throw

  Communicator const node = given.split_by_node();
  int const first_on_host = all_reduce(node, given.rank(), ReduceOp::min);
  return given.split(0, first_on_host);  // ranks of a host keep their order
}

// Groups of ranks with equal `color`, in the order of the world.
Communicator group(Communicator const& world, int color, char const* name) {
  return world.split(color, world.rank(), name);
}

bool is_first_of_replica(GridCoord const& coord) {
  return coord.pp == 0 && coord.tp == 0;
}

}  // namespace

// Within each of the groups below the order of the world is that of the coordinates that vary.
ProcessGrid::ProcessGrid(MPI_Comm parent, GridShape const& shape, CallLog* log)
    : shape_{shape},
      world_{ordered_world(parent, shape, log)},
      node_{world_.split_by_node()},
      here_{coord_of(shape, world_.rank())},
      replica_{group(world_, here_.dp, "replica")},
      tp_{group(world_, here_.dp * shape.pp + here_.pp, "tp")},
      pp_{group(world_, plane_rank_of(shape, here_), "pp")},
      plane_{group(world_, here_.pp, "plane")},
      expert_{group(plane_, plane_rank_of(shape, here_) / shape.ep, "ep")},
      leads_{group(world_, is_first_of_replica(here_) ? 0 : 1, "leads")},
      joined_leads_{group(leads_, here_.dp / num_joined_replicas(shape), "joined leads")} {}

Communicator const& ProcessGrid::leads() const noexcept {
  TALUS_EXPECT(is_lead());
  return leads_;
}

Communicator const& ProcessGrid::joined_leads() const noexcept {
  TALUS_EXPECT(is_lead());
  return joined_leads_;
}

}  // namespace talus::parallel
