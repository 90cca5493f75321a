// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_links.hpp"

#include <string>
#include <vector>

#include "kernels/device.hpp"
#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "parallel/collectives.hpp"
#include "parallel/gpu_awareness.hpp"
#include "parallel/pair_message.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

TrafficMeans own_means(kernels::Device& device) {
  kernels::DeviceLinks* const links = device.links();
  return {.card = concat(parallel::host_name(), ' ', links == nullptr ? "" : links->card()),
          .library_problem =
              links == nullptr ? "devices of this kind don't know of each other" : links->problem(),
          .mpi_takes_device_memory = parallel::mpi_takes_gpu_memory()};
}

/// As a text: a digit, the card and the problem, a line each.
std::string to_text(TrafficMeans const& means) {
  return concat(means.mpi_takes_device_memory ? 1 : 0, means.card, '\n', means.library_problem);
}

TrafficMeans means_from(std::string_view text) {
  std::size_t const line = text.find('\n');
  return {.card = std::string{text.substr(1, line - 1)},
          .library_problem = std::string{text.substr(line + 1)},
          .mpi_takes_device_memory = text.front() == '1'};
}

}  // namespace

TrafficChoice agree_on_traffic(kernels::ExecContext const& exec,
                               parallel::Communicator const& group,
                               CommOption wanted) {
  TALUS_EXPECT(exec.device != nullptr);
  std::string const mine = to_text(own_means(*exec.device));
  std::vector<TrafficMeans> ranks;
  for (auto const& bytes : parallel::gather_bytes(group, std::as_bytes(std::span{mine}), 0)) {
    ranks.push_back(means_from(as_text(bytes)));
  }
  TrafficChoice choice;
  parallel::run_and_agree(group, [&] {
    if (group.rank() == 0) {
      choice = choose_traffic(wanted, ranks);
    }
  });
  std::string const text =
      parallel::broadcast_text(group, concat(static_cast<int>(choice.kind), choice.reason));
  return {static_cast<TrafficKind>(text.front() - '0'), text.substr(1)};
}

std::unique_ptr<kernels::DeviceGroup> join_devices(kernels::ExecContext const& exec,
                                                   parallel::Communicator const& group) {
  kernels::DeviceLinks& links = *exec.device->links();
  kernels::DeviceGroupPlace place{.rank = group.rank(), .size = group.size()};
  parallel::run_and_agree(group, [&] {
    if (group.rank() == 0) {
      place.id = links.make_id();
    }
  });
  parallel::broadcast<std::byte>(group, place.id, 0);
  return links.join(place);
}

std::unique_ptr<kernels::DeviceGroup> join_pair(kernels::ExecContext const& exec,
                                                parallel::Communicator const& group,
                                                int peer,
                                                PairEnd end) {
  kernels::DeviceLinks& links = *exec.device->links();
  kernels::DeviceGroupPlace place{.rank = end == PairEnd::sender ? 0 : 1, .size = 2};
  if (end == PairEnd::sender) {
    place.id = links.make_id();
    parallel::send_bytes(group, peer, place.id);
  } else {
    parallel::receive_bytes(group, peer, place.id);
  }
  return links.join(place);
}

}  // namespace talus::runtime
