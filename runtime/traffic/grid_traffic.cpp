// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/grid_traffic.hpp"

#include <utility>

#include "kernels/device.hpp"
#include "kernels/device_links.hpp"
#include "kernels/transfer.hpp"
#include "runtime/base/error.hpp"
#include "runtime/traffic/device_links.hpp"
#include "runtime/traffic/device_traffic.hpp"
#include "runtime/traffic/direct_traffic.hpp"
#include "runtime/traffic/mpi_device_group.hpp"
#include "runtime/traffic/staged_traffic.hpp"

namespace talus::runtime {

GridTraffic::GridTraffic(kernels::ExecContext const& exec,
                         parallel::ProcessGrid const& grid,
                         CommOption comm)
    : exec_{exec}, grid_{&grid}, calls_{exec.device} {
  Group tp = make_group(grid.tp(), comm);
  Group pp = make_group(grid.pp(), comm);
  Group expert = make_group(grid.expert(), comm);
  tp_ = std::move(tp.traffic);
  pp_ = std::move(pp.traffic);
  expert_ = std::move(expert.traffic);
  describe("tensor parallel", tp.text);
  describe("pipeline", pp.text);
  describe("experts", expert.text);
}

GridTraffic::~GridTraffic() = default;

GridTraffic::Group GridTraffic::make_group(parallel::Communicator const& group, CommOption comm) {
  if (kernels::shares_memory(exec_)) {
    return {make_direct_traffic(exec_, group), ""};
  }
  if (group.size() == 1) {
    return {make_staged_traffic(exec_, group), ""};
  }
  TrafficChoice const choice = agree_on_traffic(exec_, group, comm);
  std::string name = name_of(choice.kind);
  std::unique_ptr<GroupTraffic> traffic;
  if (choice.kind == TrafficKind::nccl) {
    name = exec_.device->links()->library();
    auto const join = [this, &group](int peer, PairEnd end) {
      return join_pair(exec_, group, peer, end);
    };
    traffic = make_device_traffic(exec_, group, join_devices(exec_, group), {join, &calls_});
  } else if (choice.kind == TrafficKind::gpu_aware) {
    traffic = make_device_traffic(exec_, group, make_mpi_device_group(exec_, group));
  } else {
    traffic = make_staged_traffic(exec_, group);
  }
  return {std::move(traffic), concat(name, " (", choice.reason, ')')};
}

void GridTraffic::describe(char const* what, std::string const& text) {
  if (!text.empty()) {
    description_ += concat(description_.empty() ? "" : "; ", what, ": ", text);
  }
}

}  // namespace talus::runtime
