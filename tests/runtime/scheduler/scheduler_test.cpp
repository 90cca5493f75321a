// SPDX-License-Identifier: Apache-2.0
#include "runtime/scheduler/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// What a test knows of a sequence without asking the scheduler.
struct Watched {
  int number = 0;  ///< in order of arrival
  SequenceLimits limits;
  std::int32_t output = 0;  ///< tokens after which it ends
  std::int32_t computed = 0;
  std::int32_t drawn = 0;
  bool was_admitted = false;
  bool in_plan = false;
};

/// A random client of a scheduler that checks each plan against its own books.
class Client {
 public:
  Client(SchedulerOptions const& options, unsigned seed)
      : options_{options}, scheduler_{options}, random_{seed} {}

  /// Sends `total` sequences through, arriving at random, and runs until the last one has ended.
  void run(int total) {
    while (arrived_ < total || !scheduler_.is_empty()) {
      INFO("step " << steps_);
      REQUIRE(steps_++ < 200'000);  // or nothing moves any more
      while (arrived_ < total && scheduler_.room() > 0 && draw(3) > 0) {
        add();
      }
      if (!is_open_full() && (open_.empty() || draw(3) > 0)) {
        check_plan(scheduler_.plan());
      } else {
        commit();
      }
      check_blocks();
    }
    REQUIRE(ended_ == total);
    REQUIRE(scheduler_.kv_use().used_blocks == 0);
  }

  [[nodiscard]] std::int64_t preemptions() const { return preemptions_; }

  [[nodiscard]] std::int64_t recomputed() const { return recomputed_; }

  [[nodiscard]] std::vector<PlanEntry> const& history() const { return history_; }

 private:
  std::int32_t draw(std::int32_t below) {
    return static_cast<std::int32_t>(random_() % static_cast<unsigned>(below));
  }

  [[nodiscard]] bool is_open_full() const {
    return static_cast<std::int32_t>(open_.size()) == options_.steps_in_flight;
  }

  void add() {
    std::int32_t const longest = options_.num_blocks * options_.block_tokens;
    SequenceLimits limits;
    limits.prompt_tokens = 1 + draw(std::min(100, longest - 1));
    limits.max_tokens = 1 + draw(std::min(60, longest - limits.prompt_tokens));
    SequenceId const id = scheduler_.add(limits);
    REQUIRE(watched_.count(id) == 0);
    watched_[id] = {arrived_++, limits, 1 + draw(limits.max_tokens)};
  }

  void check_plan(StepPlan const& plan) {
    REQUIRE(plan.num_tokens() <= options_.max_num_batched_tokens);
    for (Preemption const& preemption : plan.preemptions) {
      Watched& sequence = watched_.at(preemption.sequence);
      REQUIRE_FALSE(sequence.in_plan);
      REQUIRE(preemption.tokens_lost == sequence.computed);
      REQUIRE(scheduler_.preemptions(preemption.sequence) >= preemption.num_restarts);
      sequence.computed = 0;
      ++preemptions_;
    }
    for (SequenceId const id : plan.admitted) {
      if (!watched_.at(id).was_admitted) {
        REQUIRE(watched_.at(id).number == first_admissions_++);  // in order of arrival
        watched_.at(id).was_admitted = true;
      }
    }
    std::int32_t tokens = 0;
    std::int32_t samples = 0;
    for (PlanEntry const& entry : plan.entries) {
      check_entry(entry);
      tokens += entry.num_tokens;
      samples += entry.samples ? 1 : 0;
    }
    REQUIRE(tokens == plan.num_tokens());
    REQUIRE(samples == plan.num_samples);
    recomputed_ += plan.num_recomputed_tokens;
    history_.insert(history_.end(), plan.entries.begin(), plan.entries.end());
    open_.push_back(plan.entries);
  }

  void check_entry(PlanEntry const& entry) {
    Watched& sequence = watched_.at(entry.sequence);
    REQUIRE_FALSE(sequence.in_plan);
    sequence.in_plan = true;
    std::int32_t const known = sequence.limits.prompt_tokens + sequence.drawn;
    std::int32_t const last = entry.first_position + entry.num_tokens;
    REQUIRE(entry.num_tokens > 0);
    REQUIRE(entry.first_position == sequence.computed);
    REQUIRE(last <= known);
    REQUIRE(entry.samples == (last == known));
    REQUIRE(std::ssize(scheduler_.blocks(entry.sequence)) * options_.block_tokens >= last);
  }

  void commit() {
    std::vector<PlanEntry> const entries = open_.front();
    open_.pop_front();
    scheduler_.commit();
    for (PlanEntry const& entry : entries) {
      Watched& sequence = watched_.at(entry.sequence);
      sequence.in_plan = false;
      sequence.computed += entry.num_tokens;
      sequence.drawn += entry.samples ? 1 : 0;
      if (sequence.drawn == sequence.output) {
        scheduler_.finish(entry.sequence);
        watched_.erase(entry.sequence);
        ++ended_;
      }
    }
  }

  void check_blocks() {
    std::set<BlockId> owned;
    std::int32_t used = 0;
    for (auto const& [id, sequence] : watched_) {
      used += static_cast<std::int32_t>(scheduler_.blocks(id).size());
      owned.insert(scheduler_.blocks(id).begin(), scheduler_.blocks(id).end());
    }
    KvUse const use = scheduler_.kv_use();
    REQUIRE(use.used_blocks == used);
    REQUIRE(std::ssize(owned) == used);  // no block has two owners
    REQUIRE(use.used_blocks + use.free_blocks == options_.num_blocks);
    REQUIRE(use.reserved_empty_tokens >= 0);
    REQUIRE(scheduler_.num_running() + scheduler_.num_waiting() + scheduler_.room() ==
            options_.max_num_seqs);
  }

  SchedulerOptions options_;
  Scheduler scheduler_;
  std::mt19937 random_;
  std::map<SequenceId, Watched> watched_;
  std::deque<std::vector<PlanEntry>> open_;
  std::vector<PlanEntry> history_;
  int arrived_ = 0;
  int ended_ = 0;
  int first_admissions_ = 0;
  int steps_ = 0;
  std::int64_t preemptions_ = 0;
  std::int64_t recomputed_ = 0;
};

SchedulerOptions small_memory(Admission admission, std::int32_t steps_in_flight) {
  return {.max_num_seqs = 12,
          .max_num_batched_tokens = 48,
          .block_tokens = 4,
          .num_blocks = 42,  // just the longest sequence: 160 tokens, and two blocks
          .steps_in_flight = steps_in_flight,
          .admission = admission};
}

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
  Client client{small_memory(admission, steps_in_flight), seed};

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

TEST_CASE("more sequences than tokens in a step still all end") {
  SchedulerOptions options = small_memory(Admission::eager, GENERATE(1, 3));
  options.max_num_batched_tokens = GENERATE(1, 5);
  Client client{options, 3};

  client.run(40);
}

TEST_CASE("two schedulers that get the same calls make the same plans") {
  SchedulerOptions const options = small_memory(Admission::eager, GENERATE(1, 3));
  Client first{options, 21};
  Client second{options, 21};
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
  Scheduler scheduler{{.max_num_seqs = count,
                       .max_num_batched_tokens = 8192,
                       .block_tokens = 16,
                       .num_blocks = count * 40}};
  for (std::int32_t i = 0; i < count; ++i) {
    scheduler.add({.prompt_tokens = 40, .max_tokens = 500});
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
  WARN("planning 4,000 decoding sequences: median " << microseconds[100] << " us, fastest "
                                                    << microseconds.front()
                                                    << " us (to stay below: 100 us)");
}
