// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "runtime/base/reporter.hpp"
#include "runtime/batch/run_control.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/batch/run_record.hpp"

namespace talus::runtime {

/// How far a run came, for the exit code.
enum class RunStage {
  setting_up,
  working,
  done,
  stopped,  ///< on purpose, with work left
};

/// Runs a file of requests through a model on all ranks of `comm`, and writes the answers.
///
/// Collective over `comm`.
/// \param control  what may end it before all is done: then what is finished and the tokens of what
///                 isn't are written, and the stage is `stopped`
/// \param stage    set as the run goes on: an error while setting_up is the same on all ranks, and
///                 came before any work
/// \throws ConfigError  on every rank, if anything of the setup can't be used
void run_batch(MPI_Comm comm,
               ModelOptions const& model,
               BatchOptions const& batch,
               RunRecord const& record,
               RunControl const& control,
               Reporter& reporter,
               RunStage& stage);

}  // namespace talus::runtime
