// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/grid_traffic.hpp"

#include "kernels/transfer.hpp"
#include "runtime/traffic/direct_traffic.hpp"
#include "runtime/traffic/staged_traffic.hpp"

namespace talus::runtime {
namespace {

std::unique_ptr<GroupTraffic> make_traffic(kernels::ExecContext const& exec,
                                           parallel::Communicator const& group) {
  return kernels::shares_memory(exec) ? make_direct_traffic(exec, group)
                                      : make_staged_traffic(exec, group);
}

}  // namespace

GridTraffic::GridTraffic(kernels::ExecContext const& exec, parallel::ProcessGrid const& grid)
    : exec_{exec},
      grid_{&grid},
      tp_{make_traffic(exec, grid.tp())},
      pp_{make_traffic(exec, grid.pp())},
      expert_{make_traffic(exec, grid.expert())} {}

}  // namespace talus::runtime
