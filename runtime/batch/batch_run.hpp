// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "io/ledger/identity.hpp"
#include "io/trace/run_info.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/run_control.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// What the command knows and a run's record should say.
struct RunRecord {
  io::NamedTexts options;  ///< as resolved
  io::NamedTexts versions;
  /// What must decide the answers, as a run to be repeated says; empty: anything may.
  io::Identity expected = {};
};

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
