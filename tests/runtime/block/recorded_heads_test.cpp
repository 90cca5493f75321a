// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/block/emulation/operations.hpp"
#include "kernels/session.hpp"
#include "parallel/communicator.hpp"

#include "tests/runtime/block/world_links.hpp"
#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// Decoding steps that are recorded with the output head and the drawing of tokens: what they draw
// must be what is drawn otherwise, by rules that differ from row to row and from step to step.

using namespace talus;                             // NOLINT: tests only
using namespace talus::runtime;                    // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only

namespace {

/// Of what a recording can hold the drawing, by number of the request.
SequenceInput plain_request(std::int64_t number) {
  SequenceInput input;
  input.number = number;
  input.key = static_cast<std::uint64_t>(number);
  input.seed = static_cast<std::uint64_t>(3 * number);
  input.max_tokens = 4 + static_cast<std::int32_t>(number * 5 % 13);
  input.ignore_eos = true;
  for (std::int32_t i = 0; i < 1 + static_cast<std::int32_t>(number * 7 % 9); ++i) {
    input.prompt.push_back((7 + 11 * i) % 100);
  }
  switch (number % 6) {
    case 1:
      input.rule.temperature = 0.0F;
      break;
    case 2:
      input.rule = {.temperature = 0.7F, .top_k = 5};
      break;
    case 3:
      input.rule.top_p = 0.6F;
      break;
    case 4:
      input.rule.min_p = 0.2F;
      break;
    case 5:
      input.rule = {.temperature = 2.0F, .top_k = 20, .top_p = 0.9F};
      break;
    default:
      break;
  }
  return input;
}

/// As many tokens of each, so that as many sequences are drawn for in each step.
SequenceInput even_request(std::int64_t number) {
  SequenceInput input = plain_request(number);
  input.prompt.resize(1);
  input.max_tokens = 5;
  return input;
}

/// Of what it can't: what is drawn depends on more, or more is asked.
SequenceInput asking_request(std::int64_t number) {
  SequenceInput input = plain_request(number);
  if (number % 2 == 0) {
    input.rules = TokenRules{.repetition_penalty = 1.5F, .presence_penalty = 0.5F};
  } else {
    input.logprobs = 2;
  }
  return input;
}

/// Plain requests, a few at a time, and some behind them that ask for more.
class RulesClient final : public EngineClient {
 public:
  RulesClient(std::int64_t num_plain,
              std::int64_t num_asking,
              SequenceInput (*plain)(std::int64_t number) = plain_request)
      : num_plain_{num_plain}, num_all_{num_plain + num_asking}, plain_{plain} {}

  std::map<std::int64_t, std::vector<std::int32_t>> tokens;
  std::map<std::int64_t, std::vector<float>> logprobs;

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t room) override {
    std::vector<SequenceInput> inputs;
    for (; next_ < num_all_ && std::ssize(inputs) < room; ++next_) {
      inputs.push_back(next_ < num_plain_ ? plain_(next_) : asking_request(next_));
    }
    return inputs;
  }

  [[nodiscard]] bool is_exhausted() override { return next_ == num_all_; }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*preemption*/) override {}

  void on_prompt_token(SequenceState const& /*sequence*/, TokenEvent /*event*/) override {}

  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override {
    tokens[sequence.input.number].push_back(sequence.tokens.back());
    if (sequence.input.logprobs >= 0) {
      logprobs[sequence.input.number].push_back(event.results.logprob(event.row));
    }
    return false;
  }

  [[nodiscard]] bool may_stop(SequenceState const& /*sequence*/) override { return false; }

  void on_finished(SequenceOutcome const& /*outcome*/) override {}

 private:
  std::int64_t num_plain_;
  std::int64_t num_all_;
  SequenceInput (*plain_)(std::int64_t number);
  std::int64_t next_ = 0;
};

struct Case {
  std::string model;
  int stages = 1;
  bool is_ahead = true;
  std::int64_t max_num_seqs = 5;
};

/// An engine on emulated devices, which exchange data without the host where there are several.
class RecordingMachine {
 public:
  RecordingMachine(parallel::Communicator const& world, Case const& mode, bool is_eager)
      : machine_{world, options_of(world, mode, is_eager), [&](ModelPlan& plan) {
                   auto& device = dynamic_cast<FencedDevice&>(*plan.device);
                   if (world.size() > 1) {
                     links_ = std::make_unique<WorldLinks>(world, device);
                     plan.comm = CommOption::nccl;
                   }
                 }} {}

  void run(RulesClient& client, StepObserver* observer = nullptr) {
    EngineClient* const here = machine_.grid->is_lead() ? &client : nullptr;
    CHECK(machine_.engine.run(here, observer) == RunEnd::finished);
  }

  [[nodiscard]] Engine const& engine() const { return machine_.engine; }

  [[nodiscard]] StepClock& clock() { return machine_.clock; }

 private:
  static ModelOptions options_of(parallel::Communicator const& world,
                                 Case const& mode,
                                 bool is_eager) {
    ModelOptions options;
    options.model = std::string{TALUS_TEST_DATA} + "/models/" + mode.model;
    options.load_format = "dummy";
    options.backend = "cuda";
    options.max_model_len = 32;
    options.max_num_seqs = mode.max_num_seqs;
    options.max_num_batched_tokens = std::max<std::int64_t>(24, mode.max_num_seqs);
    options.pipeline_parallel_size = mode.stages;
    options.tensor_parallel_size = world.size() / mode.stages;
    options.async_scheduling = mode.is_ahead;
    options.enforce_eager = is_eager;
    return options;
  }

  std::unique_ptr<WorldLinks> links_;
  Machine machine_;
};

/// Counts the launches of steps that are replayed, but for those that a replay does.
class LaunchObserver final : public StepObserver {
 public:
  explicit LaunchObserver(Engine const& engine) : engine_{&engine} { scoped_.log_launches(log_); }

  std::map<std::string, int> launches;  ///< by kernel
  int num_replayed = 0;

  void on_step(StepPlan const& /*plan*/,
               Scheduler const& /*scheduler*/,
               Decoder& /*decoder*/) override {
    std::int64_t const replayed = engine_->recordings().replayed;
    if (replayed > replayed_) {
      ++num_replayed;
      for (LaunchRecord const& record : log_) {
        ++launches[std::string{record.kernel}];
      }
    }
    replayed_ = replayed;
    log_.clear();
  }

 private:
  Engine const* engine_;
  ScopedSchedule scoped_{{Schedule::Order::forward}};
  std::vector<LaunchRecord> log_;
  std::int64_t replayed_ = engine_->recordings().replayed;
};

}  // namespace

TEST_CASE("steps recorded with the drawing draw what others do, by any rules") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  bool const is_ahead = GENERATE(true, false);
  std::int64_t const num_asking = is_ahead ? 3 : 0;
  int const most_stages = world.size();
  int const stages = GENERATE_COPY(range(1, most_stages + 1));
  Case const mode{.model = "gemma2", .stages = stages, .is_ahead = is_ahead};
  INFO("ahead: " << is_ahead << ", stages: " << stages << ", asking: " << num_asking);

  RulesClient eager{9, num_asking};
  RecordingMachine{world, mode, true}.run(eager);
  RulesClient recorded{9, num_asking};
  RecordingMachine machine{world, mode, false};
  machine.run(recorded);

  CHECK(machine.engine().recordings().replayed > 4);
  CHECK((machine.engine().num_steps_ahead() > 4) == (is_ahead && stages == 1));
  CHECK(recorded.tokens == eager.tokens);
  CHECK(recorded.logprobs == eager.logprobs);
  CHECK(eager.tokens.size() == (world.rank() == 0 ? 9U + static_cast<unsigned>(num_asking) : 0U));
}

TEST_CASE("more rows than the head does at a time are recorded, too") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  Case const mode{.model = "qwen2", .max_num_seqs = OutputHead::max_rows + 6};

  RulesClient eager{mode.max_num_seqs, 0, even_request};
  RecordingMachine{world, mode, true}.run(eager);
  RulesClient recorded{mode.max_num_seqs, 0, even_request};
  RecordingMachine machine{world, mode, false};
  machine.run(recorded);

  CHECK(machine.engine().recordings().replayed > 0);
  CHECK(recorded.tokens == eager.tokens);
}

TEST_CASE("a replayed step has no launches beside its recording, if nothing more is asked") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  bool const is_asking = GENERATE(false, true);
  RecordingMachine machine{world, {.model = "gemma2"}, false};
  RulesClient first{is_asking ? 0 : 7, is_asking ? 4 : 0};
  machine.run(first);
  static_cast<void>(machine.clock().take());

  RulesClient second{is_asking ? 0 : 7, is_asking ? 4 : 0};
  LaunchObserver observer{machine.engine()};
  machine.run(second, &observer);

  CHECK(observer.num_replayed > 5);
  std::string kernels;
  for (auto const& [kernel, count] : observer.launches) {
    kernels += kernel + ' ' + std::to_string(count) + "; ";
  }
  INFO(kernels);
  CHECK(observer.launches.empty() != is_asking);
  StepClock::Seconds const seconds = machine.clock().take();
  CHECK((seconds[static_cast<std::size_t>(io::Phase::recorded_step)] > 0.0F) != is_asking);
  CHECK((seconds[static_cast<std::size_t>(io::Phase::recorded_layers)] > 0.0F) == is_asking);
}
