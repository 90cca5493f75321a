// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "io/trace/run_info.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// What the command knows and a run's record should say.
struct RunRecord {
  io::NamedTexts options;  ///< as resolved
  io::NamedTexts versions;
};

/// How far a run came, for the exit code.
enum class RunStage { setting_up, working, done };

/// Runs a file of requests through a model on all ranks of `comm`, and writes the answers.
///
/// Collective over `comm`.
/// \param stage  set as the run goes on: an error while setting_up is the same on all ranks, and
/// came
///               before any work
/// \return on rank 0, what was written; all zero elsewhere, and after a dry run
/// \throws ConfigError  on every rank, if anything of the setup can't be used
AnswerCounts run_batch(MPI_Comm comm,
                       ModelOptions const& model,
                       BatchOptions const& batch,
                       RunRecord const& record,
                       Reporter& reporter,
                       RunStage& stage);

}  // namespace talus::runtime
