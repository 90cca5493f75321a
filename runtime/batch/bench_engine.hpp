// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <mpi.h>

#include "runtime/base/reporter.hpp"
#include "runtime/batch/bench_steps.hpp"
#include "runtime/batch/model_load.hpp"

namespace talus::runtime {

/// Requests of a benchmark; samples of a request stand one behind the other.
using BenchRequests = std::vector<SequenceInput>;

/// What running some requests took.
struct BenchRun {
  double seconds = 0.0;  ///< from the first request to the end of the last, rank 0's clock
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  BenchTotals rank;  ///< of rank 0
  BenchTotals job;   ///< sums over all ranks
};

/// A model on a grid, loaded once, to run requests on again and again: an engine without files of
/// requests and answers, and without a tokenizer.
class BenchEngine {
 public:
  /// Plans, makes the grid, loads the weights. Collective over `comm`.
  ///
  /// \param reporter  outlives this
  /// \throws ConfigError  on every rank, if anything of the setup can't be used
  BenchEngine(MPI_Comm comm, ModelOptions const& options, Reporter& reporter);

  BenchEngine(BenchEngine const&) = delete;
  BenchEngine& operator=(BenchEngine const&) = delete;
  ~BenchEngine();

  [[nodiscard]] ModelPlan const& plan() const noexcept { return plan_; }

  [[nodiscard]] parallel::ProcessGrid const& grid() const noexcept { return *grid_; }

  /// See Executor::skip_prompts().
  void skip_prompts() noexcept { engine_->skip_prompts(); }

  /// \throws ConfigError  if a request is longer than the model's length
  void check(BenchRequests const& requests) const;

  /// Runs all requests to their ends; replicas share them out. Collective over the grid's ranks,
  /// which all pass the same.
  ///
  /// \throws ConfigError  see check()
  /// \return on rank 0 what it took; elsewhere `job` is empty
  [[nodiscard]] BenchRun run(BenchRequests const& requests);

 private:
  ModelPlan plan_;
  std::unique_ptr<parallel::ProcessGrid> grid_;
  LoadedModel model_;
  StepClock clock_;
  std::optional<CostModel> costs_;
  std::unique_ptr<GridTraffic> traffic_;
  std::unique_ptr<Engine> engine_;
  Reporter* reporter_;
};

}  // namespace talus::runtime
