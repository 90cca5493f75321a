// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/engine/executor.hpp"
#include "runtime/engine/replica_message.hpp"
#include "runtime/scheduler/scheduler.hpp"
#include "runtime/traffic/grid_traffic.hpp"

namespace talus::runtime {

/// What a sequence was when it ended.
struct SequenceOutcome {
  SequenceState const& sequence;
  SequenceEnd end = SequenceEnd::stop;
  std::int32_t preemptions = 0;
  std::int32_t kv_blocks_peak = 0;
};

/// A row of a step's results.
struct TokenEvent {
  TokenResults const& results;
  std::int64_t row = 0;
};

/// Where an engine's work comes from and its tokens go. Called on the first rank of each replica
/// only.
class EngineClient {
 public:
  EngineClient() = default;
  EngineClient(EngineClient const&) = delete;
  EngineClient& operator=(EngineClient const&) = delete;
  virtual ~EngineClient() = default;

  /// Up to `room` new requests; none does not mean that there are no more.
  [[nodiscard]] virtual std::vector<SequenceInput> take(std::int32_t room) = 0;

  /// True once take() will never give a request again.
  [[nodiscard]] virtual bool is_exhausted() = 0;

  /// True to have all ranks of the replica leave Engine::run() before the next step, with its
  /// sequences as they are. Asked before each step, once or twice.
  [[nodiscard]] virtual bool leaves() { return false; }

  /// A request is worked on for the first time, or again after a preemption.
  virtual void on_admitted(SequenceState const& sequence) = 0;

  /// A request lost its place in the cache.
  virtual void on_preempted(SequenceState const& sequence, Preemption const& preemption) = 0;

  /// The log-probability of the prompt's next token, in order.
  virtual void on_prompt_token(SequenceState const& sequence, TokenEvent event) = 0;

  /// The sequence's last token is new.
  /// \return true to end the sequence here (a stop string)
  [[nodiscard]] virtual bool on_token(SequenceState const& sequence, TokenEvent event) = 0;

  /// Whether on_token() could end the sequence. Where it can't, and a device computes, it is called
  /// while the device is at the next step.
  [[nodiscard]] virtual bool may_stop(SequenceState const& /*sequence*/) { return true; }

  /// The last call for a request.
  virtual void on_finished(SequenceOutcome const& outcome) = 0;
};

/// What happened in a step, for whoever records it. Called on every rank.
class StepObserver {
 public:
  StepObserver() = default;
  StepObserver(StepObserver const&) = delete;
  StepObserver& operator=(StepObserver const&) = delete;
  virtual ~StepObserver() = default;

  virtual void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) = 0;

  /// The run ends, or is left: all steps are done.
  virtual void on_run_end(Decoder& /*decoder*/) {}
};

/// How Engine::run ended.
enum class RunEnd {
  finished,  ///< nothing is left
  left,      ///< a client had it leave: sequences may be unfinished
};

/// Runs requests to their end on a process grid: the loop of plan, run, draw, commit.
///
/// Every rank of the grid has one and calls run(); replicas work by themselves, or in lock step
/// where an expert group joins them.
///
/// Where plans are made ahead (SchedulerOptions::plans_ahead), the next step is planned and queued
/// before the tokens of the one before are known, unless one of its sequences needs them for that.
/// Then the host commits a step while a device is at the next one. A sequence that turns out to
/// have ended has one token computed in vain.
class Engine {
 public:
  /// Collective over the grid's ranks. What is passed by reference outlives the engine.
  Engine(GridTraffic& traffic,
         ModelSpec const& spec,
         ModelWeights const& weights,
         DecoderLimits const& limits,
         SchedulerOptions const& options,
         StepClock& clock);

  /// See Executor::skip_prompts().
  void skip_prompts() noexcept { executor_.skip_prompts(); }

  /// See Executor::recordings().
  [[nodiscard]] StepRecordings::Counters recordings() const noexcept {
    return executor_.recordings();
  }

  /// Steps that were queued before the tokens of the one before were known.
  [[nodiscard]] std::int64_t num_steps_ahead() const noexcept { return num_steps_ahead_; }

  /// See StepRecordings::problem().
  [[nodiscard]] std::string recording_problem() const { return executor_.recording_problem(); }

  /// See Decoder::expert_traffic().
  [[nodiscard]] std::string expert_traffic() { return executor_.decoder().expert_traffic(); }

  /// Runs until the client of each replica is exhausted and everything is finished, or a client
  /// leaves; may be called again, which goes on with the sequences that are left. Collective over
  /// the grid's ranks. Where an expert group joins replicas, all of them leave together.
  ///
  /// \param client    this replica's; null on ranks that are not its first
  /// \param observer  null: nobody
  /// \return the same on all ranks of the replica
  RunEnd run(EngineClient* client, StepObserver* observer);

 private:
  [[nodiscard]] bool has_room_for_plan() const;
  void commit();
  void commit_entry(PlanEntry const& entry,
                    std::int32_t first_row,
                    std::int32_t last_row,
                    TokenResults const& results);
  void tell_token(SequenceId id, TokenEvent event);
  void tell_untold();
  void finish(SequenceId id);
  [[nodiscard]] ReplicaMessage next_message();
  [[nodiscard]] RunState wanted_state(ReplicaMessage const& message);
  [[nodiscard]] RunState agree_on(RunState state);
  void apply(ReplicaMessage&& message);
  void add(SequenceInput&& input);
  [[nodiscard]] std::optional<SequenceId> sibling_of(SequenceInput const& input) const;
  void tell_client(StepPlan const& plan);

  ModelSpec spec_;
  parallel::ProcessGrid const* grid_;
  StepClock* clock_;
  Scheduler scheduler_;
  Executor executor_;
  EngineClient* client_ = nullptr;
  std::int32_t max_open_plans_;
  std::int64_t num_steps_ahead_ = 0;
  std::optional<RunState> agreed_;        ///< of the next step, where replicas are joined
  std::vector<SequenceState> sequences_;  ///< by SequenceId
  std::vector<StepPlan const*> open_plans_;
  SequenceId newest_{};              ///< sequence that came last
  std::vector<SequenceId> stopped_;  ///< by the client, not yet told to the replica
  /// Of the last step that was committed: new tokens of which the client isn't told yet.
  std::vector<std::pair<SequenceId, TokenEvent>> untold_;
  std::vector<std::byte> message_bytes_;
};

}  // namespace talus::runtime
