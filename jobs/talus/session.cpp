// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <exception>
#include <optional>
#include <string>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "parallel/agree.hpp"
#include "parallel/launcher.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/start_check.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/core_share.hpp"

namespace talus::jobs {
namespace {

/// Says what of the allocation is wasted. \throws ConfigError  on all ranks, if that is refused
void look_at_start(Console& console, StartCheck check) {
  if (check == StartCheck::none) {
    return;
  }
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::StartReport const report =
      parallel::check_start(world, parallel::read_launch_facts(parallel::process_launch_source()));
  for (std::string const& warning : report.warnings) {
    console.warn(warning);
  }
  bool const refuses = check == StartCheck::refuse && !report.left_out.empty();
  if (!refuses && !report.left_out.empty()) {
    console.warn(report.left_out);
  }
  parallel::agree_or_throw(
      world,
      refuses ? std::optional{concat("--require-all-nodes: ", report.left_out)} : std::nullopt);
}

}  // namespace

int run_on_ranks(int threads, RankWork const& work, StartCheck check) {
  parallel::MpiSession const mpi;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{
        threads, runtime::core_share(parallel::Communicator::duplicate(MPI_COMM_WORLD))};
    look_at_start(console, check);
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
