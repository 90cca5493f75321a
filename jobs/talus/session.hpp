// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "jobs/talus/console.hpp"
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
/// this one. \param threads  of a rank; 0: its share of the cores
int run_on_ranks(int threads, RankWork const& work);

}  // namespace talus::jobs
