// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "tests/runtime/scheduler/traffic.hpp"
#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only
using talus::test::small_memory;
using talus::test::Traffic;

namespace {

/// Plans and commits until every sequence that is held has its whole prompt in the cache.
void run_prompts(Scheduler& scheduler) {
  while (scheduler.plan().num_prefill_tokens > 0) {
    scheduler.commit();
  }
  scheduler.commit();
}

}  // namespace

TEST_CASE("any traffic keeps to the budget, the blocks and the order, and ends") {
  auto const admission = GENERATE(Admission::expected, Admission::reserve, Admission::eager);
  auto const steps_in_flight = GENERATE(1, 2, 3);
  auto const seed = GENERATE(range(1U, 9U));
  CAPTURE(static_cast<int>(admission), steps_in_flight, seed);
  Traffic client{small_memory(admission, steps_in_flight, {0}), seed, {}};

  client.run(120);

  if (admission == Admission::reserve) {
    CHECK(client.preemptions() == 0);
    CHECK(client.recomputed() == 0);
  }
  if (admission == Admission::eager) {
    CHECK(client.preemptions() > 0);
    CHECK(client.recomputed() > 0);
  }
}

TEST_CASE("plans made ahead keep to the same, and what they have of sequences that ended is void") {
  auto const admission = GENERATE(Admission::expected, Admission::reserve, Admission::eager);
  auto const windows = GENERATE(
      std::vector<std::int32_t>{0}, std::vector<std::int32_t>{9}, std::vector<std::int32_t>{0, 8});
  auto const most_samples = GENERATE(1, 6);
  auto const give_up_one_in = GENERATE(0, 7);
  auto const seed = GENERATE(range(1U, 5U));
  CAPTURE(static_cast<int>(admission), windows, most_samples, give_up_one_in, seed);
  SchedulerOptions options = small_memory(admission, 1, windows);
  options.plans_ahead = true;
  Traffic client{options, seed, {.most_samples = most_samples, .give_up_one_in = give_up_one_in}};

  client.run(120);

  CHECK(client.planned_ahead() > 100);
  CHECK(client.voided() > 0);
  if (admission == Admission::reserve) {
    CHECK(client.preemptions() == 0);
  }
}

TEST_CASE("a plan made ahead has the token that is being drawn, but not the last one") {
  Scheduler scheduler{{.max_num_seqs = 2,
                       .max_num_batched_tokens = 32,
                       .block_tokens = 16,
                       .num_blocks = 4,
                       .plans_ahead = true}};
  SequenceId const id = scheduler.add({.prompt_tokens = 40, .max_tokens = 2});
  CHECK_FALSE(scheduler.can_plan_ahead());  // nothing runs
  scheduler.plan();

  REQUIRE(scheduler.can_plan_ahead());
  StepPlan const& rest = scheduler.plan();
  REQUIRE(rest.entries.size() == 1);
  CHECK(rest.entries[0].first_position == 32);
  CHECK(rest.entries[0].num_tokens == 8);
  CHECK(rest.entries[0].samples);
  scheduler.commit();

  REQUIRE(scheduler.can_plan_ahead());
  StepPlan const& drawn = scheduler.plan();
  REQUIRE(drawn.entries.size() == 1);
  CHECK(drawn.entries[0].first_position == 40);
  CHECK(drawn.entries[0].num_tokens == 1);
  CHECK(drawn.num_decode_tokens == 1);
  scheduler.commit();

  CHECK_FALSE(scheduler.can_plan_ahead());  // what is being drawn is the last token
  scheduler.commit();
  scheduler.finish(id);
  CHECK(scheduler.kv_use().used_blocks == 0);
}

TEST_CASE(
    "a sequence that ends keeps its blocks and its number until the plan made ahead is done") {
  Scheduler scheduler{{.max_num_seqs = 1,
                       .max_num_batched_tokens = 32,
                       .block_tokens = 16,
                       .num_blocks = 4,
                       .plans_ahead = true}};
  SequenceId const id = scheduler.add({.prompt_tokens = 16, .max_tokens = 20});
  scheduler.plan();
  scheduler.plan();
  scheduler.commit();
  scheduler.finish(id);

  CHECK_FALSE(scheduler.is_live(id));
  CHECK(scheduler.num_running() == 0);
  CHECK(scheduler.num_leaving() == 1);
  CHECK(scheduler.room() == 0);
  CHECK(scheduler.kv_use().used_blocks == 2);
  CHECK(scheduler.kv_use().used_tokens == 17);
  CHECK_FALSE(scheduler.can_plan_ahead());

  scheduler.commit();
  CHECK(scheduler.num_leaving() == 0);
  CHECK(scheduler.room() == 1);
  CHECK(scheduler.kv_use().used_blocks == 0);
}

TEST_CASE("no plan is made ahead where sequences would need more room than is free") {
  Scheduler scheduler{{.max_num_seqs = 2,
                       .max_num_batched_tokens = 32,
                       .block_tokens = 16,
                       .num_blocks = 3,
                       .plans_ahead = true,
                       .admission = Admission::eager}};
  SequenceId const first = scheduler.add({.prompt_tokens = 16, .max_tokens = 20});
  scheduler.add({.prompt_tokens = 15, .max_tokens = 20});
  scheduler.plan();

  REQUIRE(scheduler.can_plan_ahead());  // a block for the first, room in the second's
  scheduler.plan();
  scheduler.commit();
  CHECK_FALSE(scheduler.can_plan_ahead());  // now the second would need one
  scheduler.commit();
  StepPlan const& next = scheduler.plan();
  CHECK(next.preemptions.size() == 1);
  CHECK(next.entries.size() == 1);
  CHECK(next.entries[0].sequence == first);
}

TEST_CASE("more sequences than tokens in a step still all end") {
  SchedulerOptions options = small_memory(Admission::eager, GENERATE(1, 3), {0});
  options.max_num_batched_tokens = GENERATE(1, 5);
  Traffic client{options, 3, {}};

  client.run(40);
}

TEST_CASE("two schedulers that get the same calls make the same plans") {
  SchedulerOptions const options = small_memory(Admission::eager, GENERATE(1, 3), {0});
  Traffic first{options, 21, {}};
  Traffic second{options, 21, {}};
  first.run(60);
  second.run(60);

  auto const is_same = [](PlanEntry const& a, PlanEntry const& b) {
    return a.sequence == b.sequence && a.first_position == b.first_position &&
           a.num_tokens == b.num_tokens && a.samples == b.samples;
  };
  CHECK(first.preemptions() > 0);
  CHECK(std::equal(first.history().begin(),
                   first.history().end(),
                   second.history().begin(),
                   second.history().end(),
                   is_same));
}

TEST_CASE("a long prompt is computed in chunks beside the decoding of others") {
  Scheduler scheduler{
      {.max_num_seqs = 4, .max_num_batched_tokens = 32, .block_tokens = 16, .num_blocks = 100}};
  SequenceId const decoding = scheduler.add({.prompt_tokens = 5, .max_tokens = 20});
  scheduler.plan();
  scheduler.commit();
  SequenceId const longest = scheduler.add({.prompt_tokens = 70, .max_tokens = 5});

  std::vector<std::int32_t> chunks;
  for (bool samples = false; !samples; scheduler.commit()) {
    StepPlan const& plan = scheduler.plan();
    REQUIRE(plan.entries.size() == 2);
    CHECK(plan.entries.front().sequence == decoding);
    CHECK(plan.entries.front().samples);
    CHECK(plan.entries.back().sequence == longest);
    chunks.push_back(plan.entries.back().num_tokens);
    samples = plan.entries.back().samples;
  }

  CHECK(chunks == std::vector<std::int32_t>{31, 31, 8});
}

TEST_CASE("a preempted sequence waits until twice its length fits") {
  Scheduler scheduler{{.max_num_seqs = 4,
                       .max_num_batched_tokens = 64,
                       .block_tokens = 4,
                       .num_blocks = 12,
                       .admission = Admission::eager}};
  SequenceId const oldest = scheduler.add({.prompt_tokens = 5, .max_tokens = 20});
  SequenceId const growing = scheduler.add({.prompt_tokens = 23, .max_tokens = 20});
  SequenceId const victim = scheduler.add({.prompt_tokens = 12, .max_tokens = 20});
  for (int step = 0; step < 2; ++step) {
    REQUIRE(scheduler.plan().entries.size() == 3);
    scheduler.commit();
  }
  // The 25th token of the growing one needs a 7th block, and the other two hold 2 and 4.
  REQUIRE(scheduler.plan().preemptions.size() == 1);
  REQUIRE(scheduler.preemptions(victim) == 1);
  REQUIRE(scheduler.blocks(victim).empty());
  scheduler.commit();

  // 4 blocks hold the victim's 14 tokens, 7 hold twice as many: 5 free ones are not enough.
  scheduler.finish(oldest);
  REQUIRE(scheduler.kv_use().free_blocks == 5);
  CHECK(scheduler.plan().admitted.empty());
  scheduler.commit();

  scheduler.finish(growing);
  StepPlan const& plan = scheduler.plan();
  REQUIRE(plan.admitted == std::vector<SequenceId>{victim});
  CHECK(plan.entries.front().first_position == 0);
  CHECK(plan.entries.front().num_tokens == 14);
  CHECK(plan.num_recomputed_tokens == 13);
}

TEST_CASE("a sequence that waits can be given up") {
  Scheduler scheduler{{.max_num_seqs = 3, .block_tokens = 4, .num_blocks = 4}};
  SequenceId const first = scheduler.add({.prompt_tokens = 8, .max_tokens = 8});
  SequenceId const second = scheduler.add({.prompt_tokens = 8, .max_tokens = 8});
  scheduler.plan();
  scheduler.commit();
  REQUIRE(scheduler.num_waiting() == 1);

  scheduler.finish(second);
  scheduler.finish(first);

  CHECK(scheduler.is_empty());
  CHECK(scheduler.room() == 3);
  CHECK(scheduler.kv_use().free_blocks == 4);
}

TEST_CASE("a block is free again when its last owner releases it") {
  BlockPool pool{3};
  BlockId const block = pool.allocate().value();
  pool.share(block);
  CHECK(pool.owners(block) == 2);

  pool.release(block);
  CHECK(pool.owners(block) == 1);
  CHECK(pool.num_free() == 2);

  pool.release(block);
  CHECK(pool.owners(block) == 0);
  CHECK(pool.num_free() == 3);
  CHECK(pool.allocate() == block);
}

TEST_CASE("an empty pool has nothing to give") {
  BlockPool pool{2};
  std::set<BlockId> const blocks{pool.allocate().value(), pool.allocate().value()};

  CHECK(blocks.size() == 2);
  CHECK_FALSE(pool.allocate().has_value());
  CHECK(pool.num_blocks() == 2);
}

TEST_CASE("planning a step of 4,000 decoding sequences is told in microseconds") {
  constexpr std::int32_t count = 4000;
  auto const windows =
      GENERATE(std::vector<std::int32_t>{0}, std::vector<std::int32_t>{64, 64, 64, 64, 64, 0});
  Scheduler scheduler{{.max_num_seqs = count,
                       .max_num_batched_tokens = 8192,
                       .block_tokens = 16,
                       .num_blocks = count * 80,
                       .windows = windows}};
  for (std::int32_t i = 0; i < count; ++i) {
    scheduler.add({.prompt_tokens = 40 + i % 16, .max_tokens = 500});
  }
  run_prompts(scheduler);

  std::vector<double> microseconds;
  for (int i = 0; i < 200; ++i) {
    auto const start = std::chrono::steady_clock::now();
    StepPlan const& plan = scheduler.plan();
    std::chrono::duration<double, std::micro> const time = std::chrono::steady_clock::now() - start;
    microseconds.push_back(time.count());
    REQUIRE(plan.num_samples == count);
    scheduler.commit();
  }
  std::sort(microseconds.begin(), microseconds.end());
  WARN("planning 4,000 decoding sequences, block tables: "
       << windows.size() << ": median " << microseconds[100] << " us, fastest "
       << microseconds.front() << " us (to stay below: 100 us)");
}
