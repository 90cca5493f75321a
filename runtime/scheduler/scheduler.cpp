// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/scheduler.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {

Scheduler::Scheduler(SchedulerOptions const& options)
    : options_{options},
      geometry_{options.windows, options.block_tokens},
      pool_{options.num_blocks},
      sequences_(static_cast<std::size_t>(options.max_num_seqs)),
      plans_(static_cast<std::size_t>(options.steps_in_flight + (options.plans_ahead ? 1 : 0))) {
  TALUS_EXPECT(!options.plans_ahead || options.steps_in_flight == 1);
  auto const count = static_cast<std::size_t>(options.max_num_seqs);
  for (std::size_t i = count; i > 0; --i) {
    free_ids_.push_back(SequenceId{static_cast<std::int32_t>(i - 1)});
  }
  running_.reserve(count);
  leaving_.reserve(count);
  prompts_.reserve(count);
  auto const groups = static_cast<std::size_t>(geometry_.num_groups());
  for (StepPlan& plan : plans_) {
    plan.entries.reserve(count);
    plan.admitted.reserve(count);
    plan.preemptions.reserve(count);
    plan.block_copies.reserve(count * groups);
  }
}

std::int32_t Scheduler::room() const noexcept {
  return static_cast<std::int32_t>(free_ids_.size());
}

SequenceId Scheduler::add(SequenceLimits const& limits) {
  TALUS_EXPECT(!free_ids_.empty());
  SequenceId const id = free_ids_.back();
  free_ids_.pop_back();
  Sequence& sequence = at(id);
  BlockTables tables = std::move(sequence.tables);
  sequence = Sequence{};
  sequence.tables = std::move(tables);
  sequence.limit = limits.prompt_tokens + limits.max_tokens;
  sequence.tables.reserve(geometry_, sequence.limit);
  sequence.num_tokens = limits.prompt_tokens;
  sequence.prompt_tokens = limits.prompt_tokens;
  sequence.is_live = true;
  TALUS_EXPECT(geometry_.most_blocks(sequence.limit, options_.max_num_batched_tokens) <=
               pool_.num_blocks());
  if (!limits.shares_prompt_with || !join_family(id, *limits.shares_prompt_with)) {
    waiting_.push_back(id);
  }
  return id;
}

StepPlan const& Scheduler::plan() {
  TALUS_EXPECT(next_step_ - next_commit_ < std::ssize(plans_));
  StepPlan& plan = plans_[static_cast<std::size_t>(next_step_ % std::ssize(plans_))];
  plan.entries.clear();
  plan.admitted.clear();
  plan.preemptions.clear();
  plan.block_copies.clear();
  plan.num_prefill_tokens = 0;
  plan.num_decode_tokens = 0;
  plan.num_recomputed_tokens = 0;
  plan.num_samples = 0;
  plan.new_blocks = 0;
  plan.step = next_step_++;

  std::int32_t const share = options_.steps_in_flight;
  std::int32_t const held = num_running() + (share > 1 ? num_waiting() : 0);
  std::int32_t const max_entries =
      share > 1 ? std::max((held + share - 1) / share, 1) : options_.max_num_seqs;
  plan_running(plan, max_entries);
  plan_admissions(plan, max_entries);
  return plan;
}

void Scheduler::plan_running(StepPlan& plan, std::int32_t max_entries) {
  auto const limit = static_cast<std::size_t>(max_entries);
  for (bool const decoding : {true, false}) {
    // By index: preemption takes sequences behind this one out of running_.
    for (std::size_t place = 0; place < running_.size(); ++place) {
      Sequence const& sequence = at(running_[place]);
      std::int32_t const left = sequence.num_left();
      if (!may_enter(sequence) || (left == 1) != decoding) {
        continue;
      }
      std::int32_t const budget = options_.max_num_batched_tokens - plan.num_tokens();
      if (budget == 0 || plan.entries.size() == limit) {
        return;
      }
      std::int32_t const num_tokens = std::min(left, budget);
      SequenceId const id = running_[place];
      if (make_room(plan, place, num_tokens) == Room::found) {
        schedule(plan, id, num_tokens);
      }
    }
  }
}

/// Whether it may be in the plan that is being made.
bool Scheduler::may_enter(Sequence const& sequence) const noexcept {
  if (sequence.in_flight == 0) {
    return true;
  }
  // The last token that it may have is never computed.
  return options_.plans_ahead && sequence.num_left() > 0 &&
         sequence.num_tokens + sequence.num_drawing < sequence.limit;
}

void Scheduler::plan_admissions(StepPlan& plan, std::int32_t max_entries) {
  auto const limit = static_cast<std::size_t>(max_entries);
  while (!waiting_.empty() && plan.preemptions.empty()) {
    std::int32_t const budget = options_.max_num_batched_tokens - plan.num_tokens();
    if (budget == 0 || plan.entries.size() == limit) {
      return;
    }
    SequenceId const id = waiting_.front();
    Sequence& sequence = at(id);
    if (!fits(sequence)) {
      if (!running_.empty()) {
        return;
      }
      while (drop_prompt(sequence.family, 0)) {
      }
      if (!fits(sequence) && shares(sequence)) {
        // Its family's copy of the prompt takes the room that it needs: it computes its own.
        static_cast<void>(drop_prompt(no_family, 0));
      }
    }
    waiting_.pop_front();
    running_.push_back(id);
    if (shares(sequence)) {
      start_shared(id);
    }
    sequence.predicted_tokens = predicted_tokens(sequence);
    sequence.predicted_blocks = predicted_blocks(sequence, sequence.predicted_tokens);
    recount(sequence);
    std::int32_t const num_tokens = std::min(sequence.num_tokens - sequence.num_computed, budget);
    // Always true: what is predicted covers the tokens known, and a sequence alone has all blocks.
    if (!grow(plan, sequence, num_tokens)) {
      throw Error{"a sequence was admitted without blocks"};
    }
    if (shares(sequence)) {
      copy_last_block(plan, id);
      leave_family(id);
    }
    plan.admitted.push_back(id);
    schedule(plan, id, num_tokens);
  }
}

void Scheduler::schedule(StepPlan& plan, SequenceId id, std::int32_t num_tokens) {
  Sequence& sequence = at(id);
  std::int32_t const first = sequence.next_position();
  std::int32_t const left = sequence.num_left();
  (left == 1 ? plan.num_decode_tokens : plan.num_prefill_tokens) += num_tokens;
  plan.num_recomputed_tokens += std::clamp(sequence.once_computed - first, 0, num_tokens);
  bool const samples = num_tokens == left;
  plan.num_samples += samples ? 1 : 0;
  sequence.in_flight += num_tokens;
  sequence.num_drawing += samples ? 1 : 0;
  plan.entries.push_back(
      {.sequence = id, .first_position = first, .num_tokens = num_tokens, .samples = samples});
}

Scheduler::Room Scheduler::make_room(StepPlan& plan, std::size_t place, std::int32_t num_tokens) {
  while (!grow(plan, at(running_[place]), num_tokens)) {
    if (drop_prompt(no_family, 1) || preempt_younger(plan, place) || drop_prompt(no_family, 0)) {
      continue;
    }
    bool const is_youngest = place + 1 == running_.size();
    if (is_youngest && place > 0 && at(running_[place]).in_flight == 0) {
      preempt(plan, place);
    }
    return Room::none;
  }
  return Room::found;
}

bool Scheduler::grow(StepPlan& plan, Sequence& sequence, std::int32_t num_tokens) {
  std::int32_t const tokens = sequence.next_position() + num_tokens;
  if (tokens <= sequence.tables.capacity()) {
    return true;
  }
  std::int32_t const free_before = pool_.num_free();
  bool const is_done = sequence.tables.grow(pool_, geometry_, tokens);
  plan.new_blocks += free_before - pool_.num_free();
  sequence.blocks_peak = std::max(sequence.blocks_peak, sequence.tables.num_held());
  recount(sequence);
  return is_done;
}

void Scheduler::recount(Sequence& sequence) {
  std::int64_t const outstanding =
      std::max<std::int64_t>(sequence.predicted_blocks - sequence.tables.num_charged(), 0);
  outstanding_blocks_ += outstanding - sequence.outstanding;
  sequence.outstanding = outstanding;
}

bool Scheduler::preempt_younger(StepPlan& plan, std::size_t place) {
  std::size_t victim = place;
  for (std::size_t i = running_.size(); i-- > place + 1;) {
    Sequence const& sequence = at(running_[i]);
    bool const loses_less =
        victim == place || sequence.num_computed < at(running_[victim]).num_computed;
    if (sequence.in_flight == 0 && sequence.tables.num_held() > 0 && loses_less) {
      victim = i;
    }
  }
  if (victim == place) {
    return false;
  }
  preempt(plan, victim);
  return true;
}

void Scheduler::preempt(StepPlan& plan, std::size_t place) {
  SequenceId const id = running_[place];
  Sequence& sequence = at(id);
  std::int32_t const free_before = pool_.num_free();
  free_blocks(sequence);
  ++sequence.num_preemptions;
  plan.preemptions.push_back({.sequence = id,
                              .tokens_lost = sequence.num_computed,
                              .blocks_freed = pool_.num_free() - free_before,
                              .free_blocks = pool_.num_free(),
                              .num_restarts = sequence.num_preemptions});
  sequence.once_computed = std::max(sequence.once_computed, sequence.num_computed);
  sequence.num_computed = 0;
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(place));
  waiting_.push_front(id);
}

bool Scheduler::can_plan_ahead() const {
  if (!options_.plans_ahead) {
    return false;
  }
  std::int64_t blocks = 0;
  bool goes_on = false;
  for (SequenceId const id : running_) {
    Sequence const& sequence = at(id);
    if (!may_enter(sequence)) {
      continue;
    }
    goes_on = true;
    std::int32_t const tokens =
        sequence.next_position() + std::min(sequence.num_left(), options_.max_num_batched_tokens);
    std::int32_t const lacking = std::max(tokens - sequence.tables.capacity(), 0);
    blocks += (lacking + options_.block_tokens - 1) / options_.block_tokens;
  }
  return goes_on && blocks * geometry_.num_groups() <= pool_.num_free();
}

void Scheduler::commit() {
  TALUS_EXPECT(next_commit_ < next_step_);
  StepPlan const& plan = plans_[static_cast<std::size_t>(next_commit_++ % std::ssize(plans_))];
  for (PlanEntry const& entry : plan.entries) {
    commit_entry(entry);
  }
}

void Scheduler::commit_entry(PlanEntry const& entry) {
  Sequence& sequence = at(entry.sequence);
  if (!sequence.is_live) {
    return leave(entry.sequence);
  }
  sequence.num_computed += entry.num_tokens;
  sequence.num_tokens += entry.samples ? 1 : 0;
  sequence.in_flight -= entry.num_tokens;
  sequence.num_drawing -= entry.samples ? 1 : 0;
  if (sequence.family != no_family && sequence.num_computed >= sequence.prompt_tokens - 1) {
    capture_prompt(sequence.family);
  }
  if (geometry_.has_windows()) {
    sequence.tables.release_before(pool_, geometry_, sequence.num_computed);
    if (entry.samples && entry.num_tokens > 1) {
      // From here on, it goes token by token.
      sequence.predicted_blocks = predicted_blocks(sequence, sequence.predicted_tokens);
    }
    recount(sequence);
  }
}

void Scheduler::finish(SequenceId id) {
  Sequence& sequence = at(id);
  TALUS_EXPECT(sequence.is_live && (sequence.in_flight == 0 || options_.plans_ahead));
  bool const was_parked = is_parked(id);
  if (sequence.family != no_family) {
    leave_family(id);
  }
  sequence.is_live = false;
  ++finished_sequences_;
  finished_output_tokens_ += sequence.num_tokens - sequence.prompt_tokens;
  if (!was_parked) {
    take_from_queue(id);
  }
  if (sequence.in_flight == 0) {
    return release(id);
  }
  sequence.predicted_blocks = 0;
  recount(sequence);
  leaving_.push_back(id);
}

/// The plan that a finished sequence was in is committed.
void Scheduler::leave(SequenceId id) {
  leaving_.erase(std::find(leaving_.begin(), leaving_.end(), id));
  release(id);
}

void Scheduler::release(SequenceId id) {
  free_blocks(at(id));
  free_ids_.push_back(id);
}

void Scheduler::take_from_queue(SequenceId id) {
  if (auto const place = std::find(running_.begin(), running_.end(), id); place != running_.end()) {
    running_.erase(place);
  } else {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), id));
  }
}

void Scheduler::free_blocks(Sequence& sequence) {
  sequence.tables.clear(pool_);
  sequence.predicted_blocks = 0;
  recount(sequence);
}

bool Scheduler::fits(Sequence const& sequence) const {
  return blocks_to_admit(sequence) <= pool_.num_free() - outstanding_blocks_;
}

std::int64_t Scheduler::predicted_blocks(Sequence const& sequence, std::int32_t tokens) const {
  std::int32_t const left = sequence.num_tokens - sequence.num_computed;
  std::int64_t const own =
      geometry_.most_blocks(tokens, std::min(left, options_.max_num_batched_tokens));
  // What it shares within windows comes on top: others may still hold it when this one is past it.
  return own + sequence.tables.num_held() - sequence.tables.num_charged();
}

std::int32_t Scheduler::predicted_tokens(Sequence const& sequence) const {
  if (sequence.num_preemptions > 0) {
    return std::min(sequence.limit, 2 * sequence.num_tokens);
  }
  switch (options_.admission) {
    case Admission::reserve:
      return sequence.limit;
    case Admission::eager:
      return sequence.num_tokens;
    case Admission::expected:
      break;
  }
  if (finished_sequences_ == 0) {
    return sequence.limit;
  }
  auto const mean_output = static_cast<std::int32_t>(
      (finished_output_tokens_ + finished_sequences_ - 1) / finished_sequences_);
  return std::min(sequence.limit, sequence.num_tokens + mean_output);
}

KvUse Scheduler::kv_use() const {
  KvUse use;
  use.free_blocks = pool_.num_free();
  use.used_blocks = pool_.num_blocks() - use.free_blocks;
  for (std::span<SequenceId const> const held : {std::span{running_}, std::span{leaving_}}) {
    for (SequenceId const id : held) {
      // Only a sequence's last blocks have room, and they are its own.
      std::int32_t const room = at(id).tables.capacity() - at(id).next_position();
      use.reserved_empty_tokens += std::int64_t{geometry_.num_groups()} * room;
    }
  }
  for (std::int32_t const family : prompts_) {
    use.reserved_empty_tokens += empty_tokens(families_[static_cast<std::size_t>(family)]);
  }
  use.used_tokens =
      std::int64_t{use.used_blocks} * options_.block_tokens - use.reserved_empty_tokens;
  return use;
}

std::span<BlockId const> Scheduler::blocks(SequenceId id, std::int32_t group) const {
  return at(id).tables.table(group);
}

std::int32_t Scheduler::preemptions(SequenceId id) const {
  return at(id).num_preemptions;
}

std::int32_t Scheduler::blocks_peak(SequenceId id) const {
  return at(id).blocks_peak;
}

}  // namespace talus::runtime
