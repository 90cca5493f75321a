// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

#include "tests/runtime/block/world_links.hpp"
#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// Steps that are planned before the tokens of the one before are known: what comes out must be what
// comes out otherwise, for all that a request may ask.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int32_t vocab = 200;  // and some more
constexpr int num_kinds = 7;

SequenceInput request(std::int64_t number) {
  SequenceInput input;
  input.number = number;
  input.key = static_cast<std::uint64_t>(number);
  input.max_tokens = 1 + static_cast<std::int32_t>(number * 5 % 23);
  for (std::int32_t i = 0; i < 1 + static_cast<std::int32_t>(number * 7 % 40); ++i) {
    input.prompt.push_back((7 + 11 * i) % vocab);
  }
  input.ignore_eos = true;
  switch (number % num_kinds) {
    case 1:  // ends where nobody knows
      for (std::int32_t token = 0; token < vocab; token += 6) {
        input.stop_tokens.push_back(token);
      }
      break;
    case 2:
      input.rule.temperature = 0.0F;
      break;
    case 3:
      input.rule.top_k = 5;
      input.seed = 3;
      break;
    case 4:  // what it draws depends on what it drew
      input.rules = TokenRules{.repetition_penalty = 1.5F, .presence_penalty = 0.5F};
      break;
    case 5:
      input.logprobs = 2;
      break;
    case 6:
      input.prompt_logprobs = 1;
      break;
    default:
      break;
  }
  return input;
}

/// What was told of a sequence.
struct Told {
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  SequenceEnd end = SequenceEnd::running;
};

/// Requests of some kinds, a few at a time, some of which it stops, and some with three samples.
class MixedClient final : public EngineClient {
 public:
  MixedClient(std::vector<std::int64_t> numbers, int leaves_after)
      : numbers_{std::move(numbers)}, leaves_after_{leaves_after} {}

  std::map<std::pair<std::int64_t, std::uint32_t>, Told> told;
  int num_preempted = 0;

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t room) override {
    std::vector<SequenceInput> inputs;
    while (next_ < numbers_.size() && std::ssize(inputs) + 3 <= std::min(room, 4)) {
      std::int64_t const number = numbers_[next_++];
      SequenceInput input = request(number);
      input.num_samples = number % 4 == 1 ? 3 : 1;
      for (input.sample = 0; input.sample < input.num_samples; ++input.sample) {
        inputs.push_back(input);
      }
    }
    return inputs;
  }

  [[nodiscard]] bool is_exhausted() override { return next_ == numbers_.size(); }

  [[nodiscard]] bool leaves() override {
    return leaves_after_ > 0 && ++num_asked_ % (leaves_after_ + 1) == 0;
  }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*preemption*/) override {
    ++num_preempted;
  }

  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override {
    told_of(sequence).logprobs.push_back(event.results.logprob(event.row));
  }

  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override {
    REQUIRE(event.results.token(event.row) == sequence.tokens.back());
    Told& told_here = told_of(sequence);
    told_here.tokens.push_back(sequence.tokens.back());
    if (sequence.input.logprobs >= 0) {
      told_here.logprobs.push_back(event.results.logprob(event.row));
    }
    return is_stopped(sequence) && sequence.tokens.back() % 5 == 0;
  }

  [[nodiscard]] bool may_stop(SequenceState const& sequence) override {
    return is_stopped(sequence);
  }

  void on_finished(SequenceOutcome const& outcome) override {
    Told& told_here = told_of(outcome.sequence);
    REQUIRE(told_here.end == SequenceEnd::running);
    told_here.end = outcome.end;
  }

 private:
  static bool is_stopped(SequenceState const& sequence) { return sequence.input.number % 3 == 0; }

  Told& told_of(SequenceState const& sequence) {
    return told[{sequence.input.number, sequence.input.sample}];
  }

  std::vector<std::int64_t> numbers_;
  int leaves_after_;
  int num_asked_ = 0;
  std::size_t next_ = 0;
};

/// Numbers of requests: of the kinds whose tokens are drawn freely, or of all; each replica begins
/// with others.
std::vector<std::int64_t> numbers_of(bool all_kinds, int replica) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t number = 0; std::ssize(numbers) < 28; ++number) {
    if (all_kinds || number % num_kinds < 4) {
      numbers.push_back(number);
    }
  }
  std::rotate(numbers.begin(), numbers.begin() + 5 * replica, numbers.end());
  return numbers;
}

struct Case {
  std::string backend;
  bool all_kinds = false;
  std::int64_t num_blocks = 40;
  int leaves_after = 0;
  bool has_replicas = false;  ///< which share out the experts
};

class Outcome {
 public:
  Outcome(parallel::Communicator const& world, Case const& mode, bool plans_ahead)
      : client_{numbers_of(mode.all_kinds, mode.has_replicas ? world.rank() : 0),
                mode.leaves_after} {
    ModelOptions options;
    options.model = std::string{TALUS_TEST_DATA} + "/models/qwen3_moe";
    options.load_format = "dummy";
    options.backend = mode.backend;
    options.max_model_len = 64;
    options.max_num_seqs = 9;
    options.max_num_batched_tokens = 32;
    options.num_gpu_blocks_override = mode.num_blocks;
    options.kv_admission = "eager";
    options.tensor_parallel_size = mode.has_replicas ? 1 : world.size();
    options.data_parallel_size = mode.has_replicas ? world.size() : 1;
    options.expert_parallel_size = world.size();
    std::unique_ptr<WorldLinks> links;
    auto const link = [&](ModelPlan& plan) {
      using kernels::block::emulation::FencedDevice;
      auto* const device = dynamic_cast<FencedDevice*>(plan.device.get());
      if (device != nullptr && world.size() > 1) {
        links = std::make_unique<WorldLinks>(world, *device);
        plan.comm = CommOption::nccl;
      }
    };
    Machine machine{
        world, options, link, [&](ModelPlan& plan) { plan.scheduler.plans_ahead = plans_ahead; }};
    num_left = machine.run(client_);
    num_ahead = machine.engine.num_steps_ahead();
  }

  [[nodiscard]] MixedClient const& client() const { return client_; }

  int num_left = 0;
  std::int64_t num_ahead = 0;

 private:
  MixedClient client_;
};

}  // namespace

TEST_CASE("steps planned ahead give every request what it gets otherwise") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  std::string const backend = GENERATE("reference", "cuda");
  Case const mode = GENERATE_COPY(
      Case{.backend = backend},
      Case{.backend = backend, .all_kinds = true},
      Case{.backend = backend, .num_blocks = 9},
      Case{.backend = backend, .leaves_after = 5},
      Case{.backend = backend, .all_kinds = true, .has_replicas = true},
      Case{.backend = backend, .leaves_after = 7, .has_replicas = true});
  if (mode.has_replicas && world.size() == 1) {
    SUCCEED("there are no replicas");
    return;
  }
  INFO(backend << ", all kinds: " << mode.all_kinds << ", blocks: " << mode.num_blocks
               << ", leaves after: " << mode.leaves_after << ", replicas: " << mode.has_replicas);
  Outcome const usual{world, mode, false};
  Outcome const ahead{world, mode, true};

  CHECK(usual.num_ahead == 0);
  CHECK(ahead.num_ahead > 20);
  for (auto const& [id, told] : usual.client().told) {
    auto const& other = ahead.client().told.at(id);
    INFO("request " << id.first << ", kind " << id.first % num_kinds << ", sample " << id.second);
    CHECK(other.tokens == told.tokens);
    CHECK(other.logprobs == told.logprobs);
    CHECK(other.end == told.end);
  }
  CHECK(ahead.client().told.size() == usual.client().told.size());
  CHECK((usual.num_left > 0) == (mode.leaves_after > 0));
  if (world.rank() == 0) {
    CHECK(usual.client().told.size() > 28);
    CHECK((ahead.client().num_preempted > 0) == (mode.num_blocks < 40));
    auto const ends = [&](SequenceEnd end) {
      auto const& told = ahead.client().told;
      return std::count_if(
          told.begin(), told.end(), [&](auto const& entry) { return entry.second.end == end; });
    };
    CHECK(ends(SequenceEnd::stop) > 5);
    CHECK(ends(SequenceEnd::length) > 5);
    CHECK(ends(SequenceEnd::running) == 0);
  }
}
