// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include <mpi.h>

#include "io/ledger/identity.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_sink.hpp"
#include "runtime/batch/answer_store.hpp"

namespace talus::runtime {

/// Where a run's answers go: the store on rank 0, and the first ranks' way to it.
class RunOutput {
 public:
  /// Finds out whether the run goes on from an earlier one; a dry run has no store. Collective over
  /// `comm`.
  ///
  /// \param calls     where this rank says that it is in a call on a file; null: nowhere
  /// \param reporter  hears of what a person should know of the ledger; outlives this
  /// \throws ConfigError  on every rank: see choose_start
  RunOutput(MPI_Comm comm, BatchOptions const& batch, parallel::CallLog* calls, Reporter& reporter);

  /// On rank 0, unless it is a dry run.
  [[nodiscard]] AnswerStore& store() noexcept { return *store_; }

  [[nodiscard]] AnswerStore const& store() const noexcept { return *store_; }

  /// Opens the files, and the way to them. Collective over grid.world().
  ///
  /// \param identity  of the run, on rank 0
  /// \throws ConfigError  on every rank, naming the file that can't be written
  void open(parallel::ProcessGrid const& grid, io::Identity const& identity);

  /// For a run without a step: leaves the output as it is, but for what a crash left behind its
  /// last line. Collective over grid.world(), instead of open().
  ///
  /// \throws ConfigError  on every rank, naming the file that can't be written
  void touch(parallel::ProcessGrid const& grid, io::Identity const& identity);

  /// On the first rank of each replica, once it is open.
  [[nodiscard]] AnswerSink& sink() noexcept { return *sink_; }

  /// What this run has written, on rank 0.
  [[nodiscard]] AnswerCounts counts() const;

  /// That, and the lines of earlier runs.
  [[nodiscard]] AnswerCounts all_counts() const;

  /// Warns of the store, each time of what is new. On rank 0.
  void tell_warnings();

 private:
  Reporter* reporter_;
  std::optional<AnswerStore> store_;
  std::unique_ptr<AnswerSink> sink_;
};

}  // namespace talus::runtime
