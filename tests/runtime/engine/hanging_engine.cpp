// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

#include <mpi.h>

#include "kernels/session.hpp"
#include "parallel/call_log.hpp"
#include "parallel/collectives.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/watchdog.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/engine/engine.hpp"

/// \file
/// A program that uses the engine, of which one rank does something wrong after some steps:
///
///   hanging_engine MODEL TP PP DP KIND RANK STEP LIMIT
///
/// KIND is throw (the rank's caller catches it and goes on without the engine), sleep, or skip (the
/// rank goes to another collective than the others). The watchdog ends it with exit code 70.

namespace {

using namespace talus;

constexpr int exit_hung = 70;

/// Takes no part any more in what the others do.
class WrongDoer final : public runtime::StepObserver {
 public:
  WrongDoer(std::string kind, int step, parallel::Communicator const& meeting)
      : kind_{std::move(kind)}, step_{step}, meeting_{&meeting} {}

  void on_step(runtime::StepPlan const& plan,
               runtime::Scheduler const& /*scheduler*/,
               runtime::Decoder& /*decoder*/) override {
    if (plan.step < step_) {
      return;
    }
    if (kind_ == "throw") {
      throw std::runtime_error{"wrong on purpose"};
    }
    if (kind_ == "skip") {
      parallel::barrier(*meeting_);
    }
    std::this_thread::sleep_for(std::chrono::hours{1});
  }

 private:
  std::string kind_;
  int step_;
  parallel::Communicator const* meeting_;
};

class Requests final : public runtime::EngineClient {
 public:
  explicit Requests(std::int32_t vocab) : vocab_{vocab} {}

  [[nodiscard]] std::vector<runtime::SequenceInput> take(std::int32_t room) override {
    std::vector<runtime::SequenceInput> inputs;
    for (; room > 0 && next_ < 4; --room, ++next_) {
      runtime::SequenceInput& input = inputs.emplace_back();
      input.number = next_;
      input.prompt = {1 % vocab_, 2 % vocab_, 3 % vocab_};
      input.max_tokens = 200;
      input.ignore_eos = true;
    }
    return inputs;
  }

  [[nodiscard]] bool is_exhausted() override { return next_ == 4; }

  void on_admitted(runtime::SequenceState const& /*sequence*/) override {}

  void on_preempted(runtime::SequenceState const& /*sequence*/,
                    runtime::Preemption const& /*preemption*/) override {}

  void on_prompt_token(runtime::SequenceState const& /*sequence*/,
                       runtime::TokenEvent /*event*/) override {}

  [[nodiscard]] bool on_token(runtime::SequenceState const& /*sequence*/,
                              runtime::TokenEvent /*event*/) override {
    return false;
  }

  void on_finished(runtime::SequenceOutcome const& /*outcome*/) override {}

 private:
  std::int32_t vocab_;
  std::int64_t next_ = 0;
};

void run(char** arguments, parallel::CallLog& log) {
  kernels::KernelSession const session{1};
  runtime::ModelOptions options;
  options.model = arguments[1];
  options.tensor_parallel_size = std::stoi(arguments[2]);
  options.pipeline_parallel_size = std::stoi(arguments[3]);
  options.data_parallel_size = std::stoi(arguments[4]);
  options.max_model_len = 256;
  options.num_gpu_blocks_override = 256;
  options.calls = &log;
  runtime::ModelPlan plan = runtime::plan_model(MPI_COMM_WORLD, options);
  auto const grid = runtime::make_grid(MPI_COMM_WORLD, options, plan);
  runtime::LoadedModel const loaded = runtime::load_model(*grid, plan, options);
  parallel::Communicator const meeting = grid->world().duplicate("meeting");
  runtime::StepClock clock;
  clock.watch(&log);
  runtime::GridTraffic traffic{plan.exec, *grid};
  runtime::Engine engine{traffic, plan.spec, loaded.weights, plan.limits, plan.scheduler, clock};
  Requests requests{static_cast<std::int32_t>(plan.spec.vocab)};
  WrongDoer wrong{arguments[5], std::stoi(arguments[7]), meeting};
  bool const is_wrong = grid->world().rank() == std::stoi(arguments[6]);
  static_cast<void>(engine.run(grid->is_lead() ? &requests : nullptr, is_wrong ? &wrong : nullptr));
  parallel::barrier(grid->world());
}

void say(std::span<std::string const> lines) {
  for (std::string const& line : lines) {
    std::cerr << line + '\n' << std::flush;
  }
  parallel::abort_job(exit_hung);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    return 2;
  }
  parallel::MpiSession const mpi;
  parallel::Watchdog watchdog{MPI_COMM_WORLD, {std::stod(argv[8]), say}};
  try {
    run(argv, watchdog.log());
  } catch (std::exception const& error) {
    std::cerr << talus::concat("caught: ", error.what(), '\n') << std::flush;
    watchdog.log().set_status(parallel::RankStatus::failed);
    std::this_thread::sleep_for(std::chrono::hours{1});
  }
  return 0;
}
