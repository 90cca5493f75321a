// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "kernels/session.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

/// A rank's threads: the cores that the launcher bound it to, or its share of the node's.
int threads_of_rank() {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::ProcessGrid const flat{world.native(), {.dp = world.size()}};
  int const usable = parallel::num_usable_cores();
  bool const is_bound = usable < static_cast<int>(std::thread::hardware_concurrency());
  return is_bound ? usable : std::max(usable / flat.node().size(), 1);
}

}  // namespace

int run_on_ranks(int threads,
                 std::function<int(Console& console, runtime::RunStage& stage)> const& work) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{threads > 0 ? threads : threads_of_rank()};
    return work(console, stage);
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
