// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "io/ledger/identity.hpp"
#include "parallel/grid_shape.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_counts.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/run_manifest.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/batch/run_record.hpp"

namespace talus::runtime {

/// What came of a run.
struct RunOutcome {
  std::string state;         ///< done, stopped
  AnswerCounts counts;       ///< lines with those of earlier runs, tokens of this one
  parallel::GridShape grid;  ///< that it ran on
};

/// Says what decides a run's answers, before it, and leaves its manifest, after it. On rank 0.
class RunRecorder {
 public:
  /// The run begins. All of these outlive this.
  RunRecorder(ModelOptions const& options, BatchOptions const& batch, RunRecord const& record)
      : options_{&options}, batch_{&batch}, record_{&record} {}

  /// Keeps a text with the versions, unless it is empty: what the run chose by itself.
  void note(std::string const& name, std::string const& text);

  /// What the run was made of, with what was noted.
  [[nodiscard]] io::NamedTexts versions() const;

  /// Finds out what decides the answers.
  ///
  /// \param input  the file of requests
  /// \throws ConfigError  if a file can't be read, or this isn't the run that is to be repeated
  void identify(ModelPlan const& plan, BatchRules const& rules, std::filesystem::path const& input);

  /// What identify() found.
  [[nodiscard]] io::Identity const& identity() const noexcept { return identity_; }

  /// Writes the manifest beside the output; what can't be read or written for it costs a warning.
  ///
  /// \param input  the file of requests
  void leave_manifest(RunOutcome const& outcome,
                      std::filesystem::path const& input,
                      Reporter& reporter) const;

 private:
  [[nodiscard]] RunManifest make_manifest(RunOutcome const& outcome,
                                          std::filesystem::path const& input) const;

  ModelOptions const* options_;
  BatchOptions const* batch_;
  RunRecord const* record_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  io::Identity identity_;
  io::NamedTexts notes_;
};

}  // namespace talus::runtime
