// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/session.hpp"

#include <exception>
#include <memory>
#include <optional>

#include <mpi.h>

#include "jobs/talus/commands.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/node_group.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/core_share.hpp"

namespace talus::jobs {
namespace {

/// What run_on_ranks does once MPI is there.
int work_on_rank(Console& console,
                 parallel::CallLog* calls,
                 int threads,
                 RankWork const& work,
                 StartCheck check) {
  auto stage = runtime::RunStage::setting_up;
  try {
    kernels::KernelSession const kernels{
        threads, runtime::core_share(parallel::Communicator::duplicate(MPI_COMM_WORLD))};
    if (check != StartCheck::none) {
      look_at_start(console,
                    check,
                    parallel::Communicator::duplicate(MPI_COMM_WORLD),
                    parallel::read_launch_facts(parallel::process_launch_source()));
    }
    return work(console, stage, kernels);
  } catch (ConfigError const& error) {
    if (stage == runtime::RunStage::setting_up) {
      if (console.rank() == 0) {
        console.fail(error.what());
      }
      return exit_refused;
    }
    console.fail(error.what());
  } catch (std::exception const& error) {
    console.fail(error.what());
  }
  if (calls != nullptr) {
    calls->set_status(parallel::RankStatus::failed);
  }
  parallel::abort_job(exit_failed);
}

}  // namespace

int run_on_ranks(int threads, RankWork const& work, StartCheck check) {
  parallel::MpiSession const mpi;
  parallel::NodesRemembered const nodes{MPI_COMM_WORLD};
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  return work_on_rank(console, nullptr, threads, work, check);
}

int run_on_ranks(runtime::ModelOptions& options, RankWork const& work, StartCheck check) {
  std::optional<double> const limit = hang_limit(options.hang_timeout);
  parallel::MpiSession const mpi;
  parallel::NodesRemembered const nodes{MPI_COMM_WORLD};
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Console console{rank, log_level()};
  std::unique_ptr<parallel::Watchdog> watchdog;
  if (limit) {
    watchdog = watch(MPI_COMM_WORLD, *limit, "the job");
    options.calls = &watchdog->log();
  }
  return work_on_rank(
      console,
      options.calls,
      options.threads,
      [&](Console& to, runtime::RunStage& stage, kernels::KernelSession const& kernels) {
        options.team = kernels.team();
        return work(to, stage, kernels);
      },
      check);
}

void end_job_beside(int code) {
  parallel::LaunchFacts const facts =
      parallel::read_launch_facts(parallel::process_launch_source());
  // Open MPI's launcher ends a job of which a process has failed; Hydra and srun don't, before all
  // of them have called MPI_Init.
  bool const is_left_running = facts.size.value_or(1) > 1 && facts.launcher != "open_mpi";
  int is_started = 0;
  MPI_Initialized(&is_started);
  if (is_left_running && is_started == 0) {
    parallel::MpiSession const mpi;
    parallel::abort_job(code);
  }
}

}  // namespace talus::jobs
