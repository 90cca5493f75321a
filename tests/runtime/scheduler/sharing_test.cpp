// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "runtime/scheduler/scheduler.hpp"

#include "tests/runtime/scheduler/traffic.hpp"
#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only
using talus::test::small_memory;
using talus::test::Traffic;

namespace {

constexpr std::int32_t block_tokens = 16;

SchedulerOptions options_of(std::int32_t num_blocks) {
  return {.max_num_seqs = 8,
          .max_num_batched_tokens = 256,
          .block_tokens = block_tokens,
          .num_blocks = num_blocks,
          .admission = Admission::eager};
}

/// `count` sequences of one prompt, each told of the one before.
std::vector<SequenceId> add_family(Scheduler& scheduler, int count, SequenceLimits limits) {
  std::vector<SequenceId> family;
  for (int i = 0; i < count; ++i) {
    family.push_back(scheduler.add(limits));
    limits.shares_prompt_with = family.back();
  }
  return family;
}

void run_step(Scheduler& scheduler) {
  scheduler.plan();
  scheduler.commit();
}

}  // namespace

TEST_CASE("samples of a request find its prompt in the cache, whatever happens around them") {
  auto const windows = GENERATE(std::vector<std::int32_t>{0},
                                std::vector<std::int32_t>{7},
                                std::vector<std::int32_t>{0, 8},
                                std::vector<std::int32_t>{12, 0, 5});
  auto const admission = GENERATE(Admission::expected, Admission::reserve, Admission::eager);
  auto const steps_in_flight = GENERATE(1, 3);
  auto const give_up_one_in = GENERATE(0, 7);
  auto const seed = GENERATE(range(1U, 5U));
  CAPTURE(windows, static_cast<int>(admission), steps_in_flight, give_up_one_in, seed);
  Traffic client{small_memory(admission, steps_in_flight, windows),
                 seed,
                 {.most_samples = 6, .give_up_one_in = give_up_one_in}};

  client.run(120);

  CHECK(client.shared() > 0);
  if (admission == Admission::reserve) {
    CHECK(client.preemptions() == 0);
  }
}

TEST_CASE("a prompt is computed once, and the block that samples write to is each one's own") {
  Scheduler scheduler{options_of(100)};
  std::vector<SequenceId> const family =
      add_family(scheduler, 4, {.prompt_tokens = 70, .max_tokens = 20});
  CHECK(scheduler.num_waiting() == 4);

  StepPlan const& first = scheduler.plan();
  REQUIRE(first.admitted == std::vector<SequenceId>{family[0]});
  CHECK(first.num_tokens() == 70);
  CHECK(scheduler.num_waiting() == 3);
  scheduler.commit();

  StepPlan const& second = scheduler.plan();
  REQUIRE(second.entries.size() == 4);
  CHECK(second.num_tokens() == 4);  // one of the answer, three times the prompt's last one
  CHECK(second.num_samples == 4);
  REQUIRE(second.block_copies.size() == 3);
  auto const blocks = scheduler.blocks(family[0]);
  for (std::size_t i = 1; i < family.size(); ++i) {
    CHECK(second.entries[i].sequence == family[i]);
    CHECK(second.entries[i].first_position == 69);
    auto const own = scheduler.blocks(family[i]);
    REQUIRE(own.size() == 5);
    CHECK(std::equal(own.begin(), own.begin() + 4, blocks.begin()));
    CHECK(second.block_copies[i - 1].from == blocks[4]);
    CHECK(second.block_copies[i - 1].to == own[4]);
    CHECK(own[4] != blocks[4]);
  }
  // Four blocks of 16 that all share, and the four that each one has for itself, 70 to 71 tokens.
  CHECK(scheduler.kv_use().used_blocks == 8);
  CHECK(scheduler.kv_use().used_tokens == 64 + 7 + 3 * 6);
  scheduler.commit();
  for (SequenceId const id : family) {
    scheduler.finish(id);
  }
  CHECK(scheduler.kv_use().free_blocks == 100);
}

TEST_CASE("nothing is copied where the prompt's last token begins a block") {
  Scheduler scheduler{options_of(100)};
  std::vector<SequenceId> const family =
      add_family(scheduler, 2, {.prompt_tokens = 65, .max_tokens = 20});
  run_step(scheduler);

  StepPlan const& plan = scheduler.plan();

  CHECK(plan.block_copies.empty());
  CHECK(plan.new_blocks == 1);
  CHECK(scheduler.blocks(family[1]).size() == 5);
}

TEST_CASE("a prompt of one token has nothing to share") {
  Scheduler scheduler{options_of(100)};
  add_family(scheduler, 3, {.prompt_tokens = 1, .max_tokens = 20});

  CHECK(scheduler.plan().entries.size() == 3);
}

TEST_CASE("a prompt outlives the sample that computed it, as long as others wait for it") {
  Scheduler scheduler{options_of(8)};
  SequenceId const other = scheduler.add({.prompt_tokens = 50, .max_tokens = 14});
  std::vector<SequenceId> const family =
      add_family(scheduler, 2, {.prompt_tokens = 60, .max_tokens = 4});
  // 4 blocks each: the second sample finds none for its own last block.
  run_step(scheduler);
  REQUIRE(scheduler.num_running() == 2);
  REQUIRE(scheduler.plan().admitted.empty());
  scheduler.commit();
  REQUIRE(scheduler.num_waiting() == 1);

  scheduler.finish(family[0]);
  CHECK(scheduler.kv_use().used_blocks == 8);
  scheduler.finish(other);
  CHECK(scheduler.kv_use().used_blocks == 4);  // nobody's but the prompt's
  CHECK(scheduler.kv_use().reserved_empty_tokens == 5);
  StepPlan const& plan = scheduler.plan();
  REQUIRE(plan.entries.size() == 1);
  CHECK(plan.entries.front().sequence == family[1]);
  CHECK(plan.entries.front().first_position == 59);
  CHECK(scheduler.kv_use().used_blocks == 4);  // three shared ones, and a copy
  scheduler.commit();
  scheduler.finish(family[1]);
  CHECK(scheduler.kv_use().used_blocks == 0);
}

TEST_CASE("another sample computes the prompt if the first is given up before it has") {
  Scheduler scheduler{options_of(100)};
  std::vector<SequenceId> const family =
      add_family(scheduler, 3, {.prompt_tokens = 600, .max_tokens = 20});
  run_step(scheduler);  // 256 of 600 tokens

  SECTION("while it runs") {
    scheduler.finish(family[0]);
    StepPlan const& plan = scheduler.plan();
    REQUIRE(plan.entries.size() == 1);
    CHECK(plan.entries.front().sequence == family[1]);
    CHECK(plan.entries.front().first_position == 0);
  }
  SECTION("and the one in between, too") {
    scheduler.finish(family[1]);
    scheduler.finish(family[0]);
    CHECK(scheduler.plan().entries.front().sequence == family[2]);
  }
}

TEST_CASE("a kept prompt goes before anybody is preempted, and is computed again") {
  Scheduler scheduler{options_of(9)};
  SequenceId const oldest = scheduler.add({.prompt_tokens = 64, .max_tokens = 80});
  std::vector<SequenceId> const family =
      add_family(scheduler, 3, {.prompt_tokens = 60, .max_tokens = 4});
  run_step(scheduler);
  scheduler.finish(family[0]);  // its prompt stays: 4 blocks, beside 4 of the oldest one
  run_step(scheduler);          // the oldest takes the last block, so nobody fits
  REQUIRE(scheduler.num_waiting() == 2);
  REQUIRE(scheduler.kv_use().free_blocks == 0);

  for (int i = 0; i < 16; ++i) {
    REQUIRE(scheduler.plan().preemptions.empty());
    scheduler.commit();
  }
  CHECK(scheduler.blocks(oldest).size() == 6);
  CHECK(scheduler.kv_use().free_blocks == 3);
  scheduler.finish(oldest);
  StepPlan const& plan = scheduler.plan();
  REQUIRE(plan.admitted == std::vector<SequenceId>{family[1]});
  CHECK(plan.entries.front().first_position == 0);
  scheduler.commit();
  CHECK(scheduler.plan().admitted == std::vector<SequenceId>{family[2]});
}

TEST_CASE("samples whose prompt fills the cache compute it one after the other") {
  SchedulerOptions options = options_of(2);
  options.max_num_batched_tokens = block_tokens;
  Scheduler scheduler{options};
  std::vector<SequenceId> const family = add_family(scheduler, 3, {20, 6, {}});
  std::map<SequenceId, int> drawn;
  for (int step = 0; !scheduler.is_empty(); ++step) {
    REQUIRE(step < 100);
    StepPlan const& plan = scheduler.plan();
    REQUIRE_FALSE(plan.entries.empty());
    for (PlanEntry const& entry : plan.entries) {
      std::int32_t const end = entry.first_position + entry.num_tokens;
      REQUIRE(std::ssize(scheduler.blocks(entry.sequence)) * block_tokens >= end);
    }
    std::vector<PlanEntry> const entries = plan.entries;
    scheduler.commit();
    for (PlanEntry const& entry : entries) {
      if (entry.samples && ++drawn[entry.sequence] == 6) {
        scheduler.finish(entry.sequence);
      }
    }
  }
  CHECK(drawn.size() == family.size());
  CHECK(scheduler.kv_use().used_blocks == 0);
}

TEST_CASE("a sample that comes late shares too, unless a window has moved on") {
  auto const window = GENERATE(0, 48);
  SchedulerOptions options = options_of(100);
  options.windows = {window};
  Scheduler scheduler{options};
  SequenceLimits limits{.prompt_tokens = 100, .max_tokens = 60};
  limits.shares_prompt_with = scheduler.add(limits);
  for (int i = 0; i < 30; ++i) {
    run_step(scheduler);
  }
  scheduler.add(limits);

  StepPlan const& plan = scheduler.plan();

  REQUIRE(plan.entries.size() == 2);
  CHECK(plan.entries.back().first_position == (window == 0 ? 99 : 0));
}

TEST_CASE("samples that wait for their prompt let others pass") {
  SchedulerOptions options = options_of(100);
  options.max_num_batched_tokens = 64;
  options.steps_in_flight = 2;
  Scheduler scheduler{options};
  add_family(scheduler, 3, {.prompt_tokens = 64, .max_tokens = 20});
  SequenceId const other = scheduler.add({.prompt_tokens = 10, .max_tokens = 20});

  scheduler.plan();
  StepPlan const& plan = scheduler.plan();

  REQUIRE(plan.entries.size() == 1);
  CHECK(plan.entries.front().sequence == other);
}
