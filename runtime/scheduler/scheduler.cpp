// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/scheduler.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"

namespace talus::runtime {

Scheduler::Scheduler(SchedulerOptions const& options)
    : options_{options},
      pool_{options.num_blocks},
      sequences_(static_cast<std::size_t>(options.max_num_seqs)),
      plans_(static_cast<std::size_t>(options.steps_in_flight)) {
  auto const count = static_cast<std::size_t>(options.max_num_seqs);
  for (std::size_t i = count; i > 0; --i) {
    free_ids_.push_back(SequenceId{static_cast<std::int32_t>(i - 1)});
  }
  running_.reserve(count);
  for (StepPlan& plan : plans_) {
    plan.entries.reserve(count);
    plan.admitted.reserve(count);
    plan.preemptions.reserve(count);
  }
}

std::int32_t Scheduler::blocks_for(std::int32_t tokens) const noexcept {
  return (tokens + options_.block_tokens - 1) / options_.block_tokens;
}

std::int32_t Scheduler::room() const noexcept {
  return static_cast<std::int32_t>(free_ids_.size());
}

SequenceId Scheduler::add(SequenceLimits const& limits) {
  TALUS_EXPECT(!free_ids_.empty());
  TALUS_EXPECT(blocks_for(limits.prompt_tokens + limits.max_tokens) <= pool_.num_blocks());
  SequenceId const id = free_ids_.back();
  free_ids_.pop_back();
  Sequence& sequence = at(id);
  std::vector<BlockId> blocks = std::move(sequence.blocks);
  sequence = Sequence{};
  sequence.blocks = std::move(blocks);
  sequence.limit = limits.prompt_tokens + limits.max_tokens;
  sequence.blocks.reserve(static_cast<std::size_t>(blocks_for(sequence.limit)));
  sequence.num_tokens = limits.prompt_tokens;
  sequence.prompt_tokens = limits.prompt_tokens;
  sequence.is_live = true;
  waiting_.push_back(id);
  return id;
}

StepPlan const& Scheduler::plan() {
  TALUS_EXPECT(next_step_ - next_commit_ < options_.steps_in_flight);
  StepPlan& plan = plans_[static_cast<std::size_t>(next_step_ % options_.steps_in_flight)];
  plan.entries.clear();
  plan.admitted.clear();
  plan.preemptions.clear();
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
      std::int32_t const left = sequence.num_tokens - sequence.num_computed;
      if (sequence.in_flight > 0 || (left == 1) != decoding) {
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

void Scheduler::plan_admissions(StepPlan& plan, std::int32_t max_entries) {
  auto const limit = static_cast<std::size_t>(max_entries);
  while (!waiting_.empty() && plan.preemptions.empty()) {
    std::int32_t const budget = options_.max_num_batched_tokens - plan.num_tokens();
    if (budget == 0 || plan.entries.size() == limit) {
      return;
    }
    SequenceId const id = waiting_.front();
    Sequence& sequence = at(id);
    std::int32_t const predicted = predicted_blocks(sequence);
    bool const fits = predicted <= pool_.num_free() - outstanding_blocks_;
    if (!fits && !running_.empty()) {
      return;
    }
    waiting_.pop_front();
    running_.push_back(id);
    sequence.predicted_blocks = predicted;
    outstanding_blocks_ += predicted;
    std::int32_t const num_tokens = std::min(sequence.num_tokens, budget);
    // Always true: what is predicted covers the tokens known, and a sequence alone has all blocks.
    bool const has_blocks = grow(plan, sequence, num_tokens);
    TALUS_EXPECT(has_blocks);
    static_cast<void>(has_blocks);
    plan.admitted.push_back(id);
    schedule(plan, id, num_tokens);
  }
}

void Scheduler::schedule(StepPlan& plan, SequenceId id, std::int32_t num_tokens) {
  Sequence& sequence = at(id);
  std::int32_t const left = sequence.num_tokens - sequence.num_computed;
  (left == 1 ? plan.num_decode_tokens : plan.num_prefill_tokens) += num_tokens;
  plan.num_recomputed_tokens +=
      std::clamp(sequence.once_computed - sequence.num_computed, 0, num_tokens);
  bool const samples = num_tokens == left;
  plan.num_samples += samples ? 1 : 0;
  sequence.in_flight = num_tokens;
  plan.entries.push_back({.sequence = id,
                          .first_position = sequence.num_computed,
                          .num_tokens = num_tokens,
                          .samples = samples});
}

Scheduler::Room Scheduler::make_room(StepPlan& plan, std::size_t place, std::int32_t num_tokens) {
  while (!grow(plan, at(running_[place]), num_tokens)) {
    if (preempt_younger(plan, place)) {
      continue;
    }
    bool const is_youngest = place + 1 == running_.size();
    if (is_youngest && place > 0) {
      preempt(plan, place);
    }
    return Room::none;
  }
  return Room::found;
}

bool Scheduler::grow(StepPlan& plan, Sequence& sequence, std::int32_t num_tokens) {
  while (sequence.capacity < sequence.num_computed + num_tokens) {
    auto const block = pool_.allocate();
    if (!block) {
      return false;
    }
    if (static_cast<std::int32_t>(sequence.blocks.size()) < sequence.predicted_blocks) {
      --outstanding_blocks_;
    }
    sequence.blocks.push_back(*block);
    sequence.capacity += options_.block_tokens;
    ++plan.new_blocks;
  }
  sequence.blocks_peak =
      std::max(sequence.blocks_peak, static_cast<std::int32_t>(sequence.blocks.size()));
  return true;
}

bool Scheduler::preempt_younger(StepPlan& plan, std::size_t place) {
  std::size_t victim = place;
  for (std::size_t i = running_.size(); i-- > place + 1;) {
    Sequence const& sequence = at(running_[i]);
    bool const loses_less =
        victim == place || sequence.num_computed < at(running_[victim]).num_computed;
    if (sequence.in_flight == 0 && !sequence.blocks.empty() && loses_less) {
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
  auto const num_blocks = static_cast<std::int32_t>(sequence.blocks.size());
  free_blocks(sequence);
  ++sequence.num_preemptions;
  plan.preemptions.push_back({.sequence = id,
                              .tokens_lost = sequence.num_computed,
                              .blocks_freed = num_blocks,
                              .free_blocks = pool_.num_free(),
                              .num_restarts = sequence.num_preemptions});
  sequence.once_computed = std::max(sequence.once_computed, sequence.num_computed);
  sequence.num_computed = 0;
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(place));
  waiting_.push_front(id);
}

void Scheduler::commit() {
  TALUS_EXPECT(next_commit_ < next_step_);
  StepPlan const& plan =
      plans_[static_cast<std::size_t>(next_commit_++ % options_.steps_in_flight)];
  for (PlanEntry const& entry : plan.entries) {
    Sequence& sequence = at(entry.sequence);
    sequence.num_computed += entry.num_tokens;
    sequence.num_tokens += entry.samples ? 1 : 0;
    sequence.in_flight = 0;
  }
}

void Scheduler::finish(SequenceId id) {
  Sequence& sequence = at(id);
  TALUS_EXPECT(sequence.is_live && sequence.in_flight == 0);
  free_blocks(sequence);
  sequence.is_live = false;
  ++finished_sequences_;
  finished_output_tokens_ += sequence.num_tokens - sequence.prompt_tokens;
  if (auto const place = std::find(running_.begin(), running_.end(), id); place != running_.end()) {
    running_.erase(place);
  } else {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), id));
  }
  free_ids_.push_back(id);
}

void Scheduler::free_blocks(Sequence& sequence) {
  auto const owned = static_cast<std::int32_t>(sequence.blocks.size());
  outstanding_blocks_ -= std::max(sequence.predicted_blocks - owned, 0);
  // Last first, so that a sequence that comes back gets its blocks in the same order.
  for (auto block = sequence.blocks.rbegin(); block != sequence.blocks.rend(); ++block) {
    pool_.release(*block);
  }
  sequence.blocks.clear();
  sequence.capacity = 0;
  sequence.predicted_blocks = 0;
}

std::int32_t Scheduler::predicted_blocks(Sequence const& sequence) const {
  if (sequence.num_preemptions > 0) {
    return blocks_for(std::min(sequence.limit, 2 * sequence.num_tokens));
  }
  switch (options_.admission) {
    case Admission::reserve:
      return blocks_for(sequence.limit);
    case Admission::eager:
      return blocks_for(sequence.num_tokens);
    case Admission::expected:
      break;
  }
  if (finished_sequences_ == 0) {
    return blocks_for(sequence.limit);
  }
  auto const mean_output = static_cast<std::int32_t>(
      (finished_output_tokens_ + finished_sequences_ - 1) / finished_sequences_);
  return blocks_for(std::min(sequence.limit, sequence.num_tokens + mean_output));
}

KvUse Scheduler::kv_use() const {
  KvUse use;
  use.free_blocks = pool_.num_free();
  use.used_blocks = pool_.num_blocks() - use.free_blocks;
  for (SequenceId const id : running_) {
    use.used_tokens += at(id).num_computed + at(id).in_flight;
  }
  use.reserved_empty_tokens =
      std::int64_t{use.used_blocks} * options_.block_tokens - use.used_tokens;
  return use;
}

std::span<BlockId const> Scheduler::blocks(SequenceId id, std::int32_t /*group*/) const {
  return at(id).blocks;
}

std::int32_t Scheduler::preemptions(SequenceId id) const {
  return at(id).num_preemptions;
}

std::int32_t Scheduler::blocks_peak(SequenceId id) const {
  return at(id).blocks_peak;
}

}  // namespace talus::runtime
