// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/packed_files.hpp"

#include "io/sharded/manifest.hpp"

namespace talus::runtime {

std::string packed_file_name(ShardPlace const& place, WeightPart part) {
  return part == WeightPart::shard ? io::shard_file_name(place.pp_rank, place.tp_rank)
                                   : io::expert_file_name(place.pp_rank, place.ep_rank);
}

parallel::Communicator part_holders(parallel::ProcessGrid const& grid, WeightPart part) {
  parallel::GridCoord const here = grid.here();
  parallel::GridShape const& shape = grid.shape();
  int const color =
      part == WeightPart::shard ? here.pp * shape.tp + here.tp : here.pp * shape.ep + here.ep;
  return grid.world().split(color, grid.world().rank());
}

}  // namespace talus::runtime
