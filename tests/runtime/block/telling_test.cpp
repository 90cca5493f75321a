// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "kernels/session.hpp"
#include "parallel/communicator.hpp"

#include "tests/runtime/engine/random_model.hpp"
#include "tests/support/catch.hpp"

// When clients of an engine on a device hear of tokens: those that can't end a sequence are told
// while the device is at the next step.

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// Two requests, of which one may stop; notes who was told what, and when steps were queued.
class NotingClient final : public EngineClient, public StepObserver {
 public:
  std::vector<std::string> notes;

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t /*room*/) override {
    std::vector<SequenceInput> inputs;
    for (std::int64_t number = 0; number < 2 && !is_taken_; ++number) {
      SequenceInput input;
      input.number = number;
      input.prompt = {5, 6, 7};
      input.max_tokens = 3;
      input.ignore_eos = true;
      inputs.push_back(std::move(input));
    }
    is_taken_ = true;
    return inputs;
  }

  [[nodiscard]] bool is_exhausted() override { return is_taken_; }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*preemption*/) override {}

  void on_prompt_token(SequenceState const& /*sequence*/, TokenEvent /*event*/) override {}

  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent event) override {
    CHECK(event.results.token(event.row) == sequence.tokens.back());
    notes.push_back((sequence.input.number == 0 ? "a" : "b") +
                    std::to_string(sequence.num_output_tokens()));
    return false;
  }

  [[nodiscard]] bool may_stop(SequenceState const& sequence) override {
    return sequence.input.number == 1;
  }

  void on_finished(SequenceOutcome const& outcome) override {
    notes.push_back(outcome.sequence.input.number == 0 ? "a ends" : "b ends");
  }

  void on_step(StepPlan const& /*plan*/,
               Scheduler const& /*scheduler*/,
               Decoder& /*decoder*/) override {
    notes.emplace_back("step");
  }

 private:
  bool is_taken_ = false;
};

}  // namespace

TEST_CASE("tokens that can't end a sequence are told while the device is at the next step") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/olmo2";
  options.load_format = "dummy";
  options.backend = GENERATE("cuda", "reference");
  options.max_model_len = 32;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 32;
  options.async_scheduling = false;
  Machine machine{world, options};
  NotingClient client;
  CHECK(machine.engine.run(&client, &client) == RunEnd::finished);

  std::vector<std::string> const at_once{
      "step", "a1", "b1", "step", "a2", "b2", "step", "a3", "a ends", "b3", "b ends"};
  std::vector<std::string> const later{
      "step", "b1", "step", "a1", "b2", "step", "a2", "a3", "a ends", "b3", "b ends"};
  CHECK(client.notes == (options.backend == "cuda" ? later : at_once));

  StepClock::DeviceSeconds const device = machine.clock.take_device();
  CHECK((device.busy_s > 0.0F) == (options.backend == "cuda"));
  CHECK((device.idle_s > 0.0F) == (options.backend == "cuda"));
}

TEST_CASE(
    "where steps are planned ahead, all tokens are told while the device is at the next step") {
  kernels::KernelSession const session{1};
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/olmo2";
  options.load_format = "dummy";
  options.backend = "cuda";
  options.max_model_len = 32;
  options.max_num_seqs = 4;
  options.max_num_batched_tokens = 32;
  Machine machine{world, options};
  NotingClient client;
  CHECK(machine.engine.run(&client, &client) == RunEnd::finished);

  // Those that can't end a sequence wait for one step more, or for what ends it.
  CHECK(client.notes ==
        std::vector<std::string>{
            "step", "step", "b1", "step", "a1", "b2", "a2", "a3", "a ends", "b3", "b ends"});
}
