// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "io/trace/trace_writer.hpp"
#include "runtime/batch/batch_client.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/rank_summary.hpp"

namespace talus::runtime {

/// What a trace says once of a run, beside the grid.
struct TraceLabels {
  io::NamedTexts options;
  io::NamedTexts versions;
  std::string model;  ///< directory
};

/// Sums up what a rank did, step by step, and records it if there is a trace.
class TraceObserver final : public StepObserver, public RequestObserver {
 public:
  /// No trace: only the summary. `clock` outlives this.
  TraceObserver(parallel::ProcessGrid const& grid, ModelPlan const& plan, StepClock& clock);

  /// Creates the folder, the master file on rank 0, and this rank's file. Collective over
  /// grid.world().
  ///
  /// \throws ConfigError  on every rank, if one can't create its file
  void open(std::filesystem::path const& folder, TraceLabels const& labels);

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override;
  void on_run_end(Decoder& decoder) override;
  void on_finished(Completion const& completion, SequenceOutcome const& outcome) override;
  void on_preempted(SequenceState const& sequence, Preemption const& preemption) override;

  /// Ends the trace; waits for the disk.
  void close();

  [[nodiscard]] RankSummary const& summary() const noexcept { return summary_; }

  /// What ended the writing of the trace, or how many records it had to drop; empty if all is well.
  [[nodiscard]] std::string trouble() const;

 private:
  [[nodiscard]] double now() const;
  [[nodiscard]] double since_epoch(RequestTimes::Clock::time_point time) const;
  [[nodiscard]] io::RunInfo run_info(TraceLabels const& labels) const;
  void agree_on_epoch();
  void record_step(io::StepRecord const& record, bool may_grow);
  void record_experts(Decoder& decoder);

  parallel::ProcessGrid const* grid_;
  StepClock* clock_;
  ModelSpec spec_;
  MemoryBudget budget_;
  std::vector<int> moe_layers_;  ///< of this stage
  int num_experts_ = 0;
  double epoch_unix_s_ = 0.0;
  RequestTimes::Clock::time_point epoch_;
  double last_step_end_ = 0.0;
  double last_routed_ = 0.0;  ///< when experts were recorded
  std::int64_t blocks_allocated_ = 0;
  std::int64_t last_step_ = 0;
  RankSummary summary_;
  std::vector<std::int64_t> routed_;
  std::vector<std::int32_t> routed_layer_;
  std::unique_ptr<io::TraceWriter> writer_;
  std::optional<io::StepRecord> held_;       ///< the last step's
  parallel::CallLog::WishScope last_flush_;  ///< before the job is ended
};

}  // namespace talus::runtime
