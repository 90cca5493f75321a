// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/mirror.hpp"
#include "parallel/request.hpp"
#include "runtime/engine/step_recordings.hpp"
#include "runtime/engine/step_rows.hpp"
#include "runtime/model/decoder.hpp"
#include "runtime/model/output_head.hpp"
#include "runtime/model/step_array.hpp"
#include "runtime/traffic/grid_traffic.hpp"

namespace talus::runtime {

/// Runs planned steps through this rank's stage, and brings the tokens back to all stages.
///
/// Several steps may be under way: start() returns when this rank's part is computed and sent on,
/// or queued for that on a device; finish() waits for the tokens of the oldest one. Where there is
/// one stage, a step may have tokens that the step before is still to draw.
class Executor {
 public:
  /// Collective over the grid's ranks. What is passed by reference outlives the executor.
  Executor(GridTraffic& traffic,
           ModelSpec const& spec,
           ModelWeights const& weights,
           DecoderLimits const& limits,
           StepClock& clock);
  ~Executor();
  Executor(Executor const&) = delete;
  Executor& operator=(Executor const&) = delete;

  /// Runs a step. Collective over the replica, and over the expert groups where they join replicas:
  /// then steps without tokens run too.
  void start(StepPlan const& plan,
             std::span<SequenceState const> sequences,
             Scheduler const& scheduler);

  /// What a step gave.
  struct Outcome {
    StepRows const& rows;
    TokenResults const& tokens;
  };

  /// Waits for the oldest step under way. Good until the next finish().
  [[nodiscard]] Outcome finish();

  /// Returns when everything sent to the next stage has left; called after the last step of a run.
  void close();

  /// From now on a step that draws nothing is not computed: in place of the prompts' keys and
  /// values the caches hold what they held, at first zeros. To time what comes behind long prompts;
  /// the tokens mean nothing. Without effect where expert groups join replicas.
  void skip_prompts() noexcept { skips_prompts_ = true; }

  /// Whether start() returns while a device is at the step, so that the host can do other things
  /// until finish().
  [[nodiscard]] bool computes_apart() const noexcept {
    return exec_.device != nullptr && grid_->shape().pp == 1 && !needs_host();
  }

  /// Whether a device waits for the host in the midst of a step.
  [[nodiscard]] bool needs_host() const noexcept { return decoder_.needs_host(); }

  [[nodiscard]] Decoder& decoder() noexcept { return decoder_; }

  /// Of decoding steps on a device; none where they are not recorded.
  [[nodiscard]] StepRecordings::Counters recordings() const noexcept {
    return recordings_ ? recordings_->counters() : StepRecordings::Counters{};
  }

  /// See StepRecordings::problem().
  [[nodiscard]] std::string recording_problem() const {
    return recordings_ ? recordings_->problem() : "";
  }

 private:
  struct Slot {
    StepRows rows;
    TokenResults tokens;
    std::optional<DrawnTokens> drawn;  ///< where tokens are drawn
    parallel::Request arrival;
    bool is_drawn = false;  ///< a device is at it, or was: its tokens are to be fetched
  };

  void build_batch(StepPlan const& plan,
                   std::span<SequenceState const> sequences,
                   Scheduler const& scheduler);
  void add_tokens(PlanEntry const& entry, SequenceState const& sequence);
  void open_tokens();
  void note_drawn(StepPlan const& plan, StepRows const& rows);
  void fill_tables(StepPlan const& plan,
                   Scheduler const& scheduler,
                   std::int32_t group,
                   std::int64_t max_blocks);
  void copy_blocks(StepPlan const& plan);
  void run_stage(StepPlan const& plan, Slot& slot);
  [[nodiscard]] bool run_layers(StepPlan const& plan, MatrixView<float> x, Slot& slot);
  [[nodiscard]] std::int64_t count_most_routed(std::int64_t tokens);
  [[nodiscard]] bool is_recordable(StepPlan const& plan) const noexcept;
  void share_tokens(Slot& slot);
  void fetch_tokens(Slot& slot);
  void take_device_times();

  kernels::ExecContext exec_;
  ModelSpec spec_;
  parallel::ProcessGrid const* grid_;
  GroupTraffic* tp_;
  GroupTraffic* expert_;
  StepClock* clock_;
  Decoder decoder_;
  std::optional<OutputHead> head_;
  std::unique_ptr<ActivationSender> next_;
  std::unique_ptr<ActivationReceiver> previous_;
  Activations hidden_;
  std::int64_t block_tokens_;
  std::vector<Slot> slots_;
  bool skips_prompts_ = false;
  std::int64_t num_started_ = 0;
  std::int64_t num_finished_ = 0;
  std::vector<std::int32_t> tokens_, positions_, first_row_, context_;
  /// Of each of the step's tokens, the row that draws it in the step before; -1: it is known.
  StepArray<std::int32_t> sources_;
  std::span<std::int32_t const> drawn_before_;  ///< in the step before, on the device
  std::span<std::int32_t> open_tokens_;         ///< where those are to be put; empty: none are
  std::vector<std::int32_t> drawing_rows_;      ///< by SequenceId, rows of the last step
  std::vector<std::vector<std::int32_t>> block_tables_;  ///< by KV group
  std::vector<kernels::PagedBatch> groups_;
  kernels::Mirror token_mirror_, position_mirror_, first_row_mirror_, context_mirror_;
  std::vector<kernels::Mirror> table_mirrors_;  ///< by KV group
  std::vector<kernels::KvBlockCopy> copies_;
  StepBatch batch_;
  std::unique_ptr<kernels::DeviceTimer> timer_;  ///< of a device; null: none
  std::optional<StepRecordings> recordings_;     ///< where a device can record the layers
};

}  // namespace talus::runtime
