// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <exception>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/core_share.hpp"

namespace talus::jobs {
int run_on_ranks(int threads, RankWork const& work) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{
        threads, runtime::core_share(parallel::Communicator::duplicate(MPI_COMM_WORLD))};
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
