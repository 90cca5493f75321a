// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/drain.hpp"

#include <chrono>
#include <optional>

#include <mpi.h>

#include "parallel/collectives.hpp"
#include "parallel/process_grid.hpp"

#include "tests/support/catch.hpp"

using talus::parallel::GridShape;
using talus::parallel::ProcessGrid;
using talus::runtime::Drain;
using talus::runtime::DrainOptions;
using talus::runtime::RunControl;
using talus::runtime::StepPlan;

namespace {

constexpr int num_rounds = 20;
constexpr double learning_s = num_rounds * (0.7 + 0.1 + 0.3);

int num_ranks() {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return ranks;
}

/// A replica on each rank, whose time passes only where a test says so. Its steps take 0.1 s, and
/// 1 ms more for each token of a prompt.
class Run {
 public:
  /// \param seconds   left for work once learn() has returned; none: nobody ends the job
  /// \param margin_s  before the end of the job
  explicit Run(std::optional<double> seconds, DrainOptions options = {}, double margin_s = 0.0) {
    if (seconds) {
      control_.limit = {.end = time_ + duration(learning_s + *seconds + margin_s),
                        .margin = std::chrono::duration<double>{margin_s},
                        .source = "a test"};
    }
    control_.told_to_stop = [this] { return told_; };
    options.max_num_batched_tokens = 1004;
    options.now = [this] { return time_; };
    drain_.emplace(grid_, control_, options);
  }

  Drain* operator->() { return &*drain_; }

  void tell(std::string_view reason) { told_ = reason; }

  void pass(double seconds) { time_ += duration(seconds); }

  void step(int prompt_tokens, int answer_tokens) {
    pass(0.1 + 1e-3 * prompt_tokens);
    StepPlan plan;
    plan.num_prefill_tokens = prompt_tokens;
    plan.num_decode_tokens = answer_tokens;
    drain_->on_step(plan);
  }

  /// Steps of several kinds, so that the model knows what a step of any kind takes.
  void learn() {
    for (int round = 0; round < num_rounds; ++round) {
      step(600, 4);
      step(200, 4);
      step(0, 4);
    }
  }

 private:
  static Drain::Clock::duration duration(double seconds) {
    return std::chrono::duration_cast<Drain::Clock::duration>(
        std::chrono::duration<double>{seconds});
  }

  ProcessGrid grid_{MPI_COMM_WORLD, GridShape{.dp = num_ranks()}};
  Drain::Clock::time_point time_{};
  std::string_view told_;
  RunControl control_;
  std::optional<Drain> drain_;
};

}  // namespace

TEST_CASE("without a time limit every request is worth starting") {
  Run run{std::nullopt, {.saves_tokens = false}};
  run.learn();
  run.pass(1e6);
  CHECK(run->is_worth_starting(1000, 1'000'000));
  CHECK_FALSE(run->is_over());
  CHECK_FALSE(run->must_leave());
  CHECK_FALSE(run->seconds_left());
  run->close([] {});
  CHECK(run->reason().empty());
}

TEST_CASE("a prompt is read only if reading it twice takes less than the time that is left") {
  Run run{3.0};
  CHECK(run->is_worth_starting(100'000, 1));  // nothing is known yet
  run.learn();
  CHECK(run->is_worth_starting(1000, 100'000));  // 1.1 s; the answer is saved
  CHECK_FALSE(run->is_worth_starting(2000, 1));  // 2.2 s
  run.pass(1.0);
  CHECK_FALSE(run->is_worth_starting(1000, 1));
  CHECK(run->is_worth_starting(500, 1));
  CHECK_FALSE(run->must_leave());
  run->close([] {});
}

TEST_CASE("where tokens are not saved, an answer is begun only if it would end in time") {
  Run run{10.0, {.saves_tokens = false}};
  run.learn();
  CHECK(run->is_worth_starting(100, 90));  // 0.2 s, and 9 s for its answer
  CHECK_FALSE(run->is_worth_starting(100, 110));
  run->on_finished(20);
  run->on_finished(40);
  CHECK(run->is_worth_starting(100, 110));  // answers have 30 tokens, as far as is known
  run.pass(7.5);
  CHECK_FALSE(run->is_worth_starting(100, 110));
  CHECK(run->is_worth_starting(100, 15));
  run->close([] {});
}

TEST_CASE("a run is over when no request like those so far is worth starting") {
  Run run{10.0};
  run.learn();
  CHECK(run->is_worth_starting(1000, 1));
  CHECK(run->is_worth_starting(500, 1));
  CHECK_FALSE(run->is_over());
  run.pass(8.5);  // 0.85 s for 750 tokens, twice
  CHECK(run->is_over());
  CHECK_FALSE(run->must_leave());  // what was begun goes on
  run->close([] {});
}

TEST_CASE("a run is left before a step that might not end in time") {
  Run run{1.0, {.steps_in_flight = 2}, 5.0};
  run.learn();
  CHECK_FALSE(run->must_leave());
  run.pass(0.5);
  CHECK_FALSE(run->must_leave());
  run.pass(0.15);  // 0.35 s are left; two steps, which may take 0.2 s each
  CHECK(run->must_leave());
  CHECK(run->reason() == "the time limit");
  CHECK_FALSE(run->is_worth_starting(1, 1));
  CHECK(run->is_over());
  run->close([] {});
}

TEST_CASE("all ranks leave when one is told to") {
  Run run{std::nullopt};
  int const last = num_ranks() - 1;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  run.learn();
  if (rank == last) {
    run.tell("SIGUSR1");
  }
  while (!run->must_leave()) {
    run.step(0, 4);
  }
  run->close([] {});
  CHECK(run->reason() == (rank == last ? "SIGUSR1" : talus::runtime::told_elsewhere));
}
