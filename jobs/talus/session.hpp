// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "jobs/talus/console.hpp"
#include "jobs/talus/oversight.hpp"
#include "kernels/session.hpp"
#include "runtime/batch/batch_run.hpp"

namespace talus::jobs {

/// What a command does on each rank; gives the exit code.
using RankWork = std::function<int(
    Console& console, runtime::RunStage& stage, kernels::KernelSession const& kernels)>;

/// Starts MPI and the kernels, runs `work` on all ranks, and turns what it throws into an exit
/// code.
///
/// An error while setting up is the same on all ranks: rank 0 says it, and all end with
/// exit_refused. Any other aborts the whole job with exit_failed, since other ranks may wait for
/// this one.
///
/// \param threads  of a rank; 0: its share of the cores
/// \param check    what is done before `work`
int run_on_ranks(int threads, RankWork const& work, StartCheck check = StartCheck::warn);

/// As above, with the options of a model: a watchdog ends the job with exit_hung if its ranks wait
/// for one that does not come (--hang-timeout). Sets `options.team` and `options.calls`, for as
/// long as `work` runs.
///
/// \throws ConfigError  before MPI is started, if --hang-timeout is not what it may be
int run_on_ranks(runtime::ModelOptions& options,
                 RankWork const& work,
                 StartCheck check = StartCheck::warn);

/// Ends the other programs of a job in which this one, beside them, has refused to begin: where the
/// launcher wouldn't, and they would wait for it in MPI's start. Returns where there is nothing to
/// end, or MPI has been started here.
void end_job_beside(int code);

}  // namespace talus::jobs
