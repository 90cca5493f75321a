// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/traffic_choice.hpp"

#include <algorithm>
#include <map>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// Why NCCL can't carry the group's traffic; empty where it can.
std::string nccl_problem(std::span<TrafficMeans const> ranks) {
  std::map<std::string_view, std::size_t> owners;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (!ranks[rank].library_problem.empty()) {
      return concat("rank ", rank, " of the group: ", ranks[rank].library_problem);
    }
    auto const [owner, is_new] = owners.emplace(ranks[rank].card, rank);
    if (!is_new) {
      return concat("ranks ",
                    owner->second,
                    " and ",
                    rank,
                    " of the group have one card, ",
                    ranks[rank].card,
                    ", together");
    }
  }
  return "";
}

TrafficChoice choose_mpi(std::span<TrafficMeans const> ranks, std::string const& why) {
  bool const takes_memory = std::all_of(ranks.begin(), ranks.end(), [](TrafficMeans const& means) {
    return means.mpi_takes_device_memory;
  });
  return takes_memory
             ? TrafficChoice{TrafficKind::gpu_aware, why + "; MPI says that it takes GPU memory"}
             : TrafficChoice{TrafficKind::staged, why + "; MPI doesn't say it takes GPU memory"};
}

}  // namespace

CommOption comm_option_from(std::string_view name) {
  if (name == "auto") {
    return CommOption::automatic;
  }
  if (name == "mpi") {
    return CommOption::mpi;
  }
  if (name == "nccl") {
    return CommOption::nccl;
  }
  throw ConfigError{concat("--comm: ", name, " (allowed: auto, mpi, nccl)")};
}

char const* name_of(TrafficKind kind) noexcept {
  switch (kind) {
    case TrafficKind::direct:
      return "host memory";
    case TrafficKind::staged:
      return "MPI through host memory";
    case TrafficKind::gpu_aware:
      return "GPU-aware MPI";
    case TrafficKind::nccl:
      return "NCCL";
  }
  return "";
}

TrafficChoice choose_traffic(CommOption wanted, std::span<TrafficMeans const> ranks) {
  if (wanted == CommOption::mpi) {
    return choose_mpi(ranks, "--comm mpi");
  }
  std::string const problem = nccl_problem(ranks);
  if (problem.empty()) {
    return {TrafficKind::nccl,
            wanted == CommOption::nccl ? "--comm nccl" : "every rank has a device of its own"};
  }
  if (wanted == CommOption::nccl) {
    throw ConfigError{
        concat("--comm nccl: ", problem, " (--comm auto goes by MPI where NCCL can't be used)")};
  }
  return choose_mpi(ranks, concat("no NCCL: ", problem));
}

}  // namespace talus::runtime
