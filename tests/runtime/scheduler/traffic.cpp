// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/scheduler/traffic.hpp"

#include <algorithm>
#include <set>

#include "tests/support/catch.hpp"

namespace talus::test {

using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int32_t longest_prompt = 100;
constexpr std::int32_t longest_output = 60;

}  // namespace

SchedulerOptions small_memory(Admission admission,
                              std::int32_t steps_in_flight,
                              std::vector<std::int32_t> const& windows) {
  SchedulerOptions options{.max_num_seqs = 12,
                           .max_num_batched_tokens = 48,
                           .block_tokens = 4,
                           .windows = windows,
                           .steps_in_flight = steps_in_flight,
                           .admission = admission};
  KvGeometry const geometry{windows, options.block_tokens};
  options.num_blocks = static_cast<std::int32_t>(
      geometry.most_blocks(longest_prompt + longest_output, options.max_num_batched_tokens));
  return options;
}

Traffic::Traffic(SchedulerOptions const& options, unsigned seed, TrafficOptions const& traffic)
    : options_{options},
      traffic_{traffic},
      geometry_{options.windows, options.block_tokens},
      scheduler_{options},
      random_{seed},
      cache_(static_cast<std::size_t>(options.num_blocks * options.block_tokens), -1) {}

void Traffic::run(int total) {
  while (arrived_ < total || !scheduler_.is_empty() || !open_.empty()) {
    INFO("step " << steps_);
    REQUIRE(steps_++ < 200'000);  // or nothing moves any more
    while (arrived_ < total && scheduler_.room() > 0 && draw(3) > 0) {
      add(total);
    }
    if (traffic_.give_up_one_in > 0 && draw(traffic_.give_up_one_in) == 0) {
      give_up();
    }
    if (may_plan() && (open_.empty() || draw(3) > 0)) {
      planned_ahead_ += options_.plans_ahead ? std::ssize(open_) : 0;
      check_plan(scheduler_.plan());
    } else {
      commit();
    }
    check_blocks();
  }
  REQUIRE(ended_ == total);
  REQUIRE(scheduler_.kv_use().used_blocks == 0);
  REQUIRE(scheduler_.kv_use().reserved_empty_tokens == 0);
}

std::int32_t Traffic::draw(std::int32_t below) {
  return static_cast<std::int32_t>(random_() % static_cast<unsigned>(below));
}

bool Traffic::may_plan() const {
  auto const num_open = static_cast<std::int32_t>(open_.size());
  return num_open < options_.steps_in_flight ||
         (num_open == options_.steps_in_flight && scheduler_.can_plan_ahead());
}

void Traffic::add(int total) {
  SequenceLimits limits;
  limits.prompt_tokens = 1 + draw(longest_prompt);
  int const prompt = prompts_++;
  int const samples = 1 + draw(traffic_.most_samples);
  for (int i = 0; i < samples && arrived_ < total && scheduler_.room() > 0; ++i) {
    limits.max_tokens = 1 + draw(longest_output);
    SequenceId const id = scheduler_.add(limits);
    REQUIRE(watched_.count(id) + leaving_.count(id) == 0);
    watched_[id] = {arrived_++, prompt, limits, 1 + draw(limits.max_tokens)};
    // The one before most of the time, like the engine; else any, to see that it doesn't matter.
    auto sibling = watched_.begin();
    std::advance(sibling, draw(static_cast<std::int32_t>(watched_.size())));
    bool const is_sibling = sibling->second.prompt == prompt;
    limits.shares_prompt_with = is_sibling ? sibling->first : id;
  }
}

void Traffic::give_up() {
  auto const at = std::find_if(watched_.begin(), watched_.end(), [&](auto const& entry) {
    return entry.second.open_plans <= (options_.plans_ahead ? 1 : 0) && draw(4) == 0;
  });
  if (at != watched_.end()) {
    end(at->first);
  }
}

void Traffic::end(SequenceId id) {
  scheduler_.finish(id);
  auto node = watched_.extract(id);
  ++ended_;
  if (node.mapped().open_plans > 0) {
    leaving_.insert(std::move(node));
  }
}

void Traffic::check_plan(StepPlan const& plan) {
  REQUIRE(plan.num_tokens() <= options_.max_num_batched_tokens);
  for (Preemption const& preemption : plan.preemptions) {
    Watched& sequence = watched_.at(preemption.sequence);
    REQUIRE(sequence.open_plans == 0);
    REQUIRE(preemption.tokens_lost == sequence.computed);
    REQUIRE(scheduler_.preemptions(preemption.sequence) >= preemption.num_restarts);
    sequence.computed = 0;
    ++preemptions_;
  }
  check_admitted(plan);
  copy_blocks(plan);
  std::int32_t tokens = 0;
  std::int32_t samples = 0;
  for (PlanEntry const& entry : plan.entries) {
    check_entry(entry);
    tokens += entry.num_tokens;
    samples += entry.samples ? 1 : 0;
  }
  // All are written before any is read, as in a layer.
  std::for_each(plan.entries.begin(), plan.entries.end(), [&](auto const& e) { write_tokens(e); });
  std::for_each(plan.entries.begin(), plan.entries.end(), [&](auto const& e) { check_seen(e); });
  REQUIRE(tokens == plan.num_tokens());
  REQUIRE(samples == plan.num_samples);
  recomputed_ += plan.num_recomputed_tokens;
  history_.insert(history_.end(), plan.entries.begin(), plan.entries.end());
  open_.push_back(plan.entries);
}

void Traffic::check_admitted(StepPlan const& plan) {
  for (SequenceId const id : plan.admitted) {
    Watched& sequence = watched_.at(id);
    if (!sequence.was_admitted && traffic_.most_samples == 1 && traffic_.give_up_one_in == 0) {
      REQUIRE(sequence.number == first_admissions_++);  // in order of arrival
    }
    sequence.was_admitted = true;
    auto const entry =
        std::find_if(plan.entries.begin(), plan.entries.end(), [&](PlanEntry const& candidate) {
          return candidate.sequence == id;
        });
    REQUIRE(entry != plan.entries.end());
    if (entry->first_position > 0) {
      REQUIRE(entry->first_position == sequence.limits.prompt_tokens - 1);
      REQUIRE(scheduler_.preemptions(id) == 0);
      sequence.computed = entry->first_position;
      shared_ += entry->first_position;
    }
  }
}

void Traffic::check_entry(PlanEntry const& entry) {
  Watched& sequence = watched_.at(entry.sequence);
  REQUIRE(sequence.open_plans <= (options_.plans_ahead ? 1 : 0));
  std::int32_t const known = sequence.limits.prompt_tokens + sequence.drawn + sequence.drawing;
  std::int32_t const last = entry.first_position + entry.num_tokens;
  REQUIRE(entry.num_tokens > 0);
  REQUIRE(entry.first_position == sequence.computed + sequence.in_flight);
  REQUIRE(last <= known);
  REQUIRE(last < sequence.limits.prompt_tokens + sequence.limits.max_tokens);
  REQUIRE(entry.samples == (last == known));
  ++sequence.open_plans;
  sequence.in_flight += entry.num_tokens;
  sequence.drawing += entry.samples ? 1 : 0;
}

void Traffic::copy_blocks(StepPlan const& plan) {
  for (BlockCopy const& copy : plan.block_copies) {
    for (std::int32_t i = 0; i < options_.block_tokens; ++i) {
      place(copy.to, i) = place(copy.from, i);
    }
  }
}

std::int64_t Traffic::content(Watched const& sequence, std::int32_t position) const {
  bool const is_prompt = position < sequence.limits.prompt_tokens;
  std::int64_t const owner = is_prompt ? sequence.prompt : 1'000'000 + sequence.number;
  return owner * 1'000 + position;
}

std::int64_t& Traffic::place(BlockId block, std::int32_t position) {
  REQUIRE(block != no_block);
  std::int32_t const first = static_cast<std::int32_t>(block) * options_.block_tokens;
  return cache_.at(static_cast<std::size_t>(first + position % options_.block_tokens));
}

void Traffic::write_tokens(PlanEntry const& entry) {
  Watched const& sequence = watched_.at(entry.sequence);
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    auto const table = scheduler_.blocks(entry.sequence, group);
    for (std::int32_t i = 0; i < entry.num_tokens; ++i) {
      std::int32_t const position = entry.first_position + i;
      auto const block = static_cast<std::size_t>(position / options_.block_tokens);
      REQUIRE(block < table.size());
      // A group's cache is its own: a block that two groups held at once would be found out.
      place(table[block], position) = content(sequence, position) * 16 + group;
    }
  }
}

void Traffic::check_seen(PlanEntry const& entry) {
  Watched const& sequence = watched_.at(entry.sequence);
  std::int32_t const last = entry.first_position + entry.num_tokens - 1;
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    auto const table = scheduler_.blocks(entry.sequence, group);
    std::int32_t const window = options_.windows[static_cast<std::size_t>(group)];
    std::int32_t const first = window == 0 ? 0 : std::max(entry.first_position - window + 1, 0);
    bool is_there = true;
    for (std::int32_t position = first; position <= last; ++position) {
      BlockId const block = table[static_cast<std::size_t>(position / options_.block_tokens)];
      is_there = is_there && place(block, position) == content(sequence, position) * 16 + group;
    }
    REQUIRE(is_there);
  }
}

void Traffic::commit() {
  std::vector<PlanEntry> const entries = open_.front();
  open_.pop_front();
  scheduler_.commit();
  for (PlanEntry const& entry : entries) {
    if (leaving_.erase(entry.sequence) > 0) {
      ++voided_;
      continue;
    }
    Watched& sequence = watched_.at(entry.sequence);
    --sequence.open_plans;
    sequence.in_flight -= entry.num_tokens;
    sequence.drawing -= entry.samples ? 1 : 0;
    sequence.computed += entry.num_tokens;
    sequence.drawn += entry.samples ? 1 : 0;
    if (sequence.drawn == sequence.output) {
      end(entry.sequence);
    }
  }
}

void Traffic::check_blocks() {
  std::set<BlockId> distinct;
  std::int64_t held = 0;
  // Blocks of windows are released when a plan is committed.
  std::int32_t const chunk = options_.max_num_batched_tokens * (options_.plans_ahead ? 2 : 1);
  for (auto const* sequences : {&watched_, &leaving_}) {
    for (auto const& [id, sequence] : *sequences) {
      std::int64_t own = 0;
      for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
        for (BlockId const block : scheduler_.blocks(id, group)) {
          if (block != no_block) {
            distinct.insert(block);
            ++own;
          }
        }
      }
      std::int32_t const limit = sequence.limits.prompt_tokens + sequence.limits.max_tokens;
      REQUIRE(own <= geometry_.most_blocks(limit, chunk));
      held += own;
    }
  }
  KvUse const use = scheduler_.kv_use();
  REQUIRE(use.used_blocks + use.free_blocks == options_.num_blocks);
  REQUIRE(use.reserved_empty_tokens >= 0);
  REQUIRE(use.used_tokens >= 0);
  REQUIRE(use.used_blocks >= std::ssize(distinct));
  if (traffic_.most_samples == 1) {
    REQUIRE(use.used_blocks == held);
    REQUIRE(std::ssize(distinct) == held);  // no block has two owners
  }
  REQUIRE(scheduler_.num_leaving() == std::ssize(leaving_));
  REQUIRE(scheduler_.num_running() + scheduler_.num_waiting() + scheduler_.num_leaving() +
              scheduler_.room() ==
          options_.max_num_seqs);
}

}  // namespace talus::test
