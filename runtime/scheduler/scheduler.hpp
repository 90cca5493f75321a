// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "runtime/kv_cache/block_tables.hpp"
#include "runtime/scheduler/step_plan.hpp"

namespace talus::runtime {

/// How many blocks a sequence must find free before it is admitted.
enum class Admission {
  expected,  ///< those of its prompt and of the mean output so far (at first: of max_tokens)
  reserve,   ///< those of its prompt and max_tokens: nothing is ever preempted
  eager,     ///< those of its prompt: fills the cache, and preempts when sequences grow
};

struct SchedulerOptions {
  std::int32_t max_num_seqs = 256;             ///< sequences held at a time
  std::int32_t max_num_batched_tokens = 2048;  ///< tokens of a step
  std::int32_t block_tokens = 16;
  std::int32_t num_blocks = 0;
  std::vector<std::int32_t> windows = {0};  ///< of each KV group, keys that a query sees; 0: all
  std::int32_t steps_in_flight = 1;  ///< pipeline stages: plans made before the first is committed
  /// One plan more may be open, with sequences of the plan before. Where steps_in_flight is 1.
  bool plans_ahead = false;
  Admission admission = Admission::expected;
};

/// How long a sequence can become.
struct SequenceLimits {
  std::int32_t prompt_tokens = 0;  ///< >= 1
  std::int32_t max_tokens = 0;     ///< new tokens at most, >= 1
  /// One that is held and has the same prompt, if there is one.
  std::optional<SequenceId> shares_prompt_with = std::nullopt;
};

/// KV blocks by what they hold. A block that several sequences share counts once, and a token once
/// in each KV group.
struct KvUse {
  std::int32_t used_blocks = 0;
  std::int32_t free_blocks = 0;
  std::int64_t used_tokens = 0;            ///< tokens in the cache
  std::int64_t reserved_empty_tokens = 0;  ///< room in used blocks without a token (fragmentation)
};

/// Continuous batching over a paged KV cache, with chunked prefill and preemption by recomputation.
///
/// Replicated and deterministic: every rank of a replica makes the same calls and gets the same
/// plans. Knows nothing of MPI, devices or time. A step is planned, run by somebody else, then
/// committed; with steps_in_flight = n, up to n plans may be open, and a sequence is in one of them
/// at most.
///
/// A plan that is made ahead, while another one is open, takes it that the sequences of that one go
/// on, as long as they may: it has the next part of their prompts, or the token that is being
/// drawn. When one turns out to have ended, what the plan has of it is void; its blocks are free
/// once that plan is committed.
///
/// Policy. Decoding sequences come first, one token each, then prompts in chunks, oldest first,
/// then new admissions, within max_num_batched_tokens. A step takes at most its share (1 /
/// steps_in_flight) of the sequences, so that every stage of a pipeline has work. When a sequence
/// finds no block, the younger sequence that loses the fewest computed tokens gives up its blocks;
/// it is admitted again once twice its length (at most its limit) fits, so that victims don't chase
/// each other. Blocks of KV groups with windows are free again when no later query sees them.
///
/// Sequences of the same prompt form a family: one computes the prompt while the others are parked;
/// then these come to the front of the queue, and each starts with the last token of the prompt, in
/// shared blocks but for the one that it writes to, of which it gets a copy. The family owns the
/// prompt's blocks until its last member is admitted; when a sequence finds no block, families
/// lose theirs before anybody is preempted, and one member computes the prompt again.
class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions const& options);

  /// Takes a sequence in; it waits until it is admitted.
  /// \pre room() > 0, the sequence's limit fits into all blocks, and shares_prompt_with is live
  SequenceId add(SequenceLimits const& limits);

  /// Sequences that can be added now.
  [[nodiscard]] std::int32_t room() const noexcept;

  /// Plans the next step. The reference is good until as many more calls as plans may be open.
  StepPlan const& plan();

  /// Whether the next plan can be made ahead: running sequences of the open plan may go on, and
  /// there is room for all of them.
  [[nodiscard]] bool can_plan_ahead() const;

  /// The oldest open plan has run: its tokens are in the cache, and each entry that samples has one
  /// token more, but for the void ones.
  /// \pre a plan is open
  void commit();

  /// The sequence has its last token, or is given up; its blocks are free, or will be when the plan
  /// that it is in is committed.
  /// \pre it is in no open plan; where plans are made ahead, in one at most
  void finish(SequenceId id);

  [[nodiscard]] std::int32_t num_running() const noexcept {
    return static_cast<std::int32_t>(running_.size());
  }

  /// Those parked until another one has computed their prompt included.
  [[nodiscard]] std::int32_t num_waiting() const noexcept {
    return static_cast<std::int32_t>(waiting_.size()) + num_parked_;
  }

  /// Sequences that have finished, and are in an open plan.
  [[nodiscard]] std::int32_t num_leaving() const noexcept {
    return static_cast<std::int32_t>(leaving_.size());
  }

  [[nodiscard]] bool is_empty() const noexcept { return running_.empty() && num_waiting() == 0; }

  /// Whether a sequence was added and has not finished.
  [[nodiscard]] bool is_live(SequenceId id) const { return at(id).is_live; }

  [[nodiscard]] KvUse kv_use() const;

  /// A sequence's block table of a KV group; no_block where a window has moved on.
  [[nodiscard]] std::span<BlockId const> blocks(SequenceId id, std::int32_t group = 0) const;

  [[nodiscard]] std::int32_t preemptions(SequenceId id) const;

  /// The most blocks that a sequence held at a time, shared ones included.
  [[nodiscard]] std::int32_t blocks_peak(SequenceId id) const;

 private:
  struct Sequence {
    std::int32_t num_tokens = 0;    ///< known: prompt and drawn
    std::int32_t num_computed = 0;  ///< in the cache
    std::int32_t in_flight = 0;     ///< tokens of the open plans that it is in
    std::int32_t num_drawing = 0;   ///< tokens that these draw
    std::int32_t predicted_tokens = 0;
    std::int64_t predicted_blocks = 0;
    std::int64_t outstanding = 0;  ///< predicted, not yet allocated
    std::int32_t limit = 0;        ///< prompt and max_tokens
    std::int32_t prompt_tokens = 0;
    std::int32_t blocks_peak = 0;
    std::int32_t num_preemptions = 0;
    std::int32_t once_computed = 0;  ///< tokens that were in the cache before a preemption
    std::int32_t family = no_family;
    bool is_live = false;
    BlockTables tables;

    /// The first position that no plan has.
    [[nodiscard]] std::int32_t next_position() const noexcept { return num_computed + in_flight; }

    /// Tokens that no plan has, those being drawn included.
    [[nodiscard]] std::int32_t num_left() const noexcept {
      return num_tokens + num_drawing - next_position();
    }
  };

  /// Sequences of one prompt: the one that computes it, and those that wait to share it.
  struct Family {
    SequenceId source{};  ///< computes the prompt, as long as it isn't there
    bool has_prompt = false;
    std::int32_t num_waiting = 0;    ///< members that are to share and are not admitted
    std::int32_t shared_tokens = 0;  ///< all of the prompt but its last token
    BlockTables prompt;
    std::vector<SequenceId> parked;  ///< members that are in no queue: the prompt isn't there
  };

  enum class Room { found, none };

  static constexpr std::int32_t no_family = -1;

  void plan_running(StepPlan& plan, std::int32_t max_entries);
  void plan_admissions(StepPlan& plan, std::int32_t max_entries);
  void schedule(StepPlan& plan, SequenceId id, std::int32_t num_tokens);
  [[nodiscard]] bool may_enter(Sequence const& sequence) const noexcept;
  [[nodiscard]] Room make_room(StepPlan& plan, std::size_t place, std::int32_t num_tokens);
  [[nodiscard]] bool grow(StepPlan& plan, Sequence& sequence, std::int32_t num_tokens);
  [[nodiscard]] bool preempt_younger(StepPlan& plan, std::size_t place);
  void preempt(StepPlan& plan, std::size_t place);
  void free_blocks(Sequence& sequence);
  void commit_entry(PlanEntry const& entry);
  void leave(SequenceId id);
  void release(SequenceId id);
  void recount(Sequence& sequence);
  [[nodiscard]] std::int32_t predicted_tokens(Sequence const& sequence) const;
  [[nodiscard]] std::int64_t predicted_blocks(Sequence const& sequence, std::int32_t tokens) const;
  [[nodiscard]] bool fits(Sequence const& sequence) const;
  void take_from_queue(SequenceId id);

  // In prompt_families.cpp.
  [[nodiscard]] bool join_family(SequenceId id, SequenceId sibling);
  void leave_family(SequenceId id);
  [[nodiscard]] std::int32_t open_family(SequenceId source, std::int32_t shared_tokens);
  void close_family(std::int32_t number);
  void capture_prompt(std::int32_t number);
  [[nodiscard]] bool drop_prompt(std::int32_t spared, std::int32_t least_freed);
  void park_members(std::int32_t number);
  void start_shared(SequenceId id);
  void copy_last_block(StepPlan& plan, SequenceId id);
  [[nodiscard]] bool is_parked(SequenceId id) const;
  [[nodiscard]] bool shares(Sequence const& sequence) const;
  [[nodiscard]] std::int32_t whole_blocks(Family const& family) const;
  [[nodiscard]] std::int64_t blocks_to_admit(Sequence const& sequence) const;
  [[nodiscard]] std::int64_t empty_tokens(Family const& family) const;

  [[nodiscard]] Family& family_of(Sequence const& sequence) {
    return families_[static_cast<std::size_t>(sequence.family)];
  }

  [[nodiscard]] Family const& family_of(Sequence const& sequence) const {
    return families_[static_cast<std::size_t>(sequence.family)];
  }

  [[nodiscard]] Sequence& at(SequenceId id) { return sequences_[index_of(id)]; }

  [[nodiscard]] Sequence const& at(SequenceId id) const { return sequences_[index_of(id)]; }

  SchedulerOptions options_;
  KvGeometry geometry_;
  BlockPool pool_;
  std::vector<Sequence> sequences_;
  std::vector<SequenceId> free_ids_;
  std::vector<SequenceId> running_;  ///< in order of admission
  std::vector<SequenceId> leaving_;  ///< finished, and in an open plan
  std::deque<SequenceId> waiting_;   ///< preempted ones first, and those whose prompt is there
  std::vector<Family> families_;
  std::vector<std::int32_t> free_families_;
  std::vector<std::int32_t> prompts_;  ///< families that have their prompt, in that order
  std::int32_t num_parked_ = 0;
  std::vector<StepPlan> plans_;  ///< a ring of as many as may be open
  std::int64_t next_step_ = 0;
  std::int64_t next_commit_ = 0;
  std::int64_t outstanding_blocks_ = 0;  ///< of the running
  std::int64_t finished_sequences_ = 0;
  std::int64_t finished_output_tokens_ = 0;
};

}  // namespace talus::runtime
