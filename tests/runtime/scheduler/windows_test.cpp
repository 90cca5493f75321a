// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/scheduler/scheduler.hpp"

#include "tests/runtime/scheduler/traffic.hpp"
#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only
using talus::test::small_memory;
using talus::test::Traffic;

namespace {

std::int32_t num_held(Scheduler const& scheduler, SequenceId id, std::int32_t group) {
  auto const table = scheduler.blocks(id, group);
  return static_cast<std::int32_t>(
      std::count_if(table.begin(), table.end(), [](BlockId block) { return block != no_block; }));
}

}  // namespace

TEST_CASE("every token that a window shows is where the tables say, under any traffic") {
  auto const windows = GENERATE(std::vector<std::int32_t>{9},
                                std::vector<std::int32_t>{0, 8},
                                std::vector<std::int32_t>{1, 0, 13},
                                std::vector<std::int32_t>{5, 5, 5, 0});
  auto const admission = GENERATE(Admission::expected, Admission::reserve, Admission::eager);
  auto const steps_in_flight = GENERATE(1, 3);
  auto const seed = GENERATE(range(1U, 5U));
  CAPTURE(windows, static_cast<int>(admission), steps_in_flight, seed);
  Traffic client{small_memory(admission, steps_in_flight, windows), seed, {}};

  client.run(100);

  if (admission == Admission::reserve) {
    CHECK(client.preemptions() == 0);
  }
  bool const is_tight = windows.size() == 2;  // with more windows, it fits most of the time
  if (admission == Admission::eager && is_tight) {
    CHECK(client.preemptions() > 0);
  }
}

TEST_CASE("a sequence of ten windows holds no more than a window and a step") {
  constexpr std::int32_t window = 64;
  constexpr std::int32_t chunk = 32;
  // Blocks of 16 tokens: 63 + 32 tokens in a row lie in 7 blocks at most, 63 + 1 in 5.
  Scheduler scheduler{{.max_num_seqs = 2,
                       .max_num_batched_tokens = chunk,
                       .block_tokens = 16,
                       .num_blocks = 7,
                       .windows = {window}}};
  SequenceId const id = scheduler.add({.prompt_tokens = 500, .max_tokens = 140});

  std::int32_t most_in_prompt = 0;
  std::int32_t most_after = 0;
  for (std::int32_t drawn = 0; drawn < 140;) {
    StepPlan const& plan = scheduler.plan();
    REQUIRE(plan.entries.size() == 1);
    std::int32_t& most = drawn == 0 ? most_in_prompt : most_after;
    most = std::max(most, num_held(scheduler, id, 0));
    drawn += plan.num_samples;
    scheduler.commit();
  }

  CHECK(most_in_prompt <= 7);
  CHECK(most_after <= 5);
  CHECK(scheduler.blocks_peak(id) <= 7);
  CHECK(scheduler.blocks(id).size() == 40);  // positions count from the start: 640 tokens
  CHECK(scheduler.blocks(id).front() == no_block);
  scheduler.finish(id);
  CHECK(scheduler.kv_use().free_blocks == 7);
}

TEST_CASE("groups without a window keep what groups with one give back") {
  Scheduler scheduler{{.max_num_seqs = 1,
                       .max_num_batched_tokens = 1024,
                       .block_tokens = 16,
                       .num_blocks = 100,
                       .windows = {32, 0}}};
  SequenceId const id = scheduler.add({.prompt_tokens = 160, .max_tokens = 10});

  REQUIRE(scheduler.plan().new_blocks == 20);
  CHECK(scheduler.kv_use().used_blocks == 20);
  CHECK(scheduler.kv_use().reserved_empty_tokens == 0);
  scheduler.commit();

  // The next query, at 160, sees 129 and later: block 8 and, once it is there, those behind.
  CHECK(num_held(scheduler, id, 0) == 2);
  CHECK(num_held(scheduler, id, 1) == 10);
  CHECK(scheduler.kv_use().used_blocks == 12);
  CHECK(scheduler.kv_use().used_tokens == 12 * 16);
  scheduler.plan();
  CHECK(scheduler.kv_use().reserved_empty_tokens == 2 * 15);
  scheduler.commit();
  scheduler.finish(id);
}

TEST_CASE("with windows, more long sequences fit at a time") {
  auto const running = [](std::vector<std::int32_t> const& windows) {
    Scheduler scheduler{{.max_num_seqs = 64,
                         .max_num_batched_tokens = 64,
                         .block_tokens = 16,
                         .num_blocks = 256,
                         .windows = windows,
                         .admission = Admission::reserve}};
    for (int i = 0; i < 64; ++i) {
      scheduler.add({.prompt_tokens = 32, .max_tokens = 992});
    }
    for (int step = 0; step < 64; ++step) {
      scheduler.plan();
      scheduler.commit();
    }
    return scheduler.num_running();
  };

  CHECK(running({0, 0, 0, 0}) == 1);       // 4 tables of 64 blocks
  CHECK(running({64, 64, 64, 0}) == 3);    // 64 blocks and 3 times 5
  CHECK(running({64, 64, 64, 64}) == 12);  // 4 times 5, less the first ones' steps
}

TEST_CASE("what a step writes is gone from a window only when that step has been committed") {
  Scheduler scheduler{{.max_num_seqs = 2,
                       .max_num_batched_tokens = 64,
                       .block_tokens = 4,
                       .num_blocks = 40,
                       .windows = {4},
                       .steps_in_flight = 2}};
  SequenceId const first = scheduler.add({.prompt_tokens = 40, .max_tokens = 8});
  SequenceId const second = scheduler.add({.prompt_tokens = 24, .max_tokens = 8});

  REQUIRE(scheduler.plan().entries.size() == 1);
  REQUIRE(scheduler.plan().entries.size() == 1);
  CHECK(num_held(scheduler, first, 0) == 10);
  CHECK(num_held(scheduler, second, 0) == 6);
  scheduler.commit();
  CHECK(num_held(scheduler, first, 0) == 1);
  CHECK(num_held(scheduler, second, 0) == 6);
  scheduler.commit();
  CHECK(num_held(scheduler, second, 0) == 1);
}
