// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>
#include <vector>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "kernels/threads/cores.hpp"
#include "parallel/collectives.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

/// Which part of its cores is this rank's: ranks of a node that may run on the same cores, because
/// the launcher bound them to no other ones, take a part each.
kernels::CoreShare core_share() {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::ProcessGrid const flat{world.native(), {.dp = world.size()}};
  std::vector<kernels::Core> const cores = kernels::usable_cores();
  std::string_view const bytes{reinterpret_cast<char const*>(cores.data()),
                               cores.size() * sizeof(kernels::Core)};
  auto const mine = static_cast<std::int64_t>(std::hash<std::string_view>{}(bytes));
  std::vector<std::int64_t> all(static_cast<std::size_t>(flat.node().size()));
  parallel::all_gather<std::int64_t>(flat.node(), {&mine, 1}, all);
  auto const own = all.begin() + flat.node().rank();
  return {static_cast<int>(std::count(all.begin(), own, mine)),
          static_cast<int>(std::count(all.begin(), all.end(), mine))};
}

}  // namespace

int run_on_ranks(int threads, RankWork const& work) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{threads, core_share()};
    return work(console, stage, kernels);
  } catch (ConfigError const& error) {
    if (stage == runtime::RunStage::setting_up) {
      if (rank == 0) {
        console.fail(error.what());
      }
      return exit_refused;
    }
    console.fail(error.what());
  } catch (std::exception const& error) {
    console.fail(error.what());
  }
  parallel::abort_job(exit_failed);
}

}  // namespace talus::jobs
