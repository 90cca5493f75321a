// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parallel/communicator.hpp"
#include "runtime/batch/layouts.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// A few requests of its replica's own, and a wish to leave before each n-th step.
class LeavingClient final : public EngineClient {
 public:
  /// \param steps  between two departures; 0: stays
  explicit LeavingClient(int steps, std::int64_t num_requests = 5) : steps_{steps} {
    for (std::int64_t number = 0; number < num_requests; ++number) {
      SequenceInput input;
      input.number = number;
      input.key = static_cast<std::uint64_t>(number);
      input.max_tokens = 8 + static_cast<std::int32_t>(3 * number);
      input.ignore_eos = true;
      for (std::int32_t i = 0; i < 20 - 3 * static_cast<std::int32_t>(number); ++i) {
        input.prompt.push_back(7 + 11 * i % 100);
      }
      waiting_.push_back(std::move(input));
    }
  }

  [[nodiscard]] std::vector<SequenceInput> take(std::int32_t /*room*/) override {
    return std::exchange(waiting_, {});
  }

  [[nodiscard]] bool is_exhausted() override { return waiting_.empty(); }

  [[nodiscard]] bool leaves() override { return steps_ > 0 && ++asked_ % (steps_ + 1) == 0; }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*preemption*/) override {}

  void on_prompt_token(SequenceState const& /*sequence*/, TokenEvent /*event*/) override {}

  [[nodiscard]] bool on_token(SequenceState const& sequence, TokenEvent /*event*/) override {
    tokens_[sequence.input.number] = sequence.tokens;
    return false;
  }

  [[nodiscard]] bool may_stop(SequenceState const& /*sequence*/) override { return false; }

  void on_finished(SequenceOutcome const& /*outcome*/) override { ++num_finished_; }

  [[nodiscard]] std::map<std::int64_t, std::vector<std::int32_t>> const& tokens() const {
    return tokens_;
  }

  [[nodiscard]] int num_finished() const { return num_finished_; }

 private:
  int steps_;
  int asked_ = 0;
  int num_finished_ = 0;
  std::vector<SequenceInput> waiting_;
  std::map<std::int64_t, std::vector<std::int32_t>> tokens_;
};

/// A model of random weights on all ranks, and its engine.
struct Machine {
  /// \param prepare  called with the plan before anything is made of it
  /// \param adjust   called with the plan when the grid is there
  Machine(
      parallel::Communicator const& world,
      ModelOptions const& options,
      std::function<void(ModelPlan&)> const& prepare = [](ModelPlan& /*plan*/) {},
      std::function<void(ModelPlan&)> const& adjust = [](ModelPlan& /*plan*/) {})
      : plan{prepared(plan_model(world.native(), options), prepare)},
        grid{prepared_grid(world, options, adjust)},
        model{load_model(*grid, plan, options)},
        traffic{plan.exec, *grid, plan.comm},
        engine{traffic, plan.spec, model.weights, plan.limits, plan.scheduler, clock} {}

  /// Runs a client to its end. \return how often it left
  int run(EngineClient& client) {
    EngineClient* const here = grid->is_lead() ? &client : nullptr;
    int times = 0;
    while (engine.run(here, nullptr) == RunEnd::left) {
      ++times;
    }
    return times;
  }

  std::unique_ptr<parallel::ProcessGrid> prepared_grid(
      parallel::Communicator const& world,
      ModelOptions const& options,
      std::function<void(ModelPlan&)> const& adjust) {
    auto made = make_grid(world.native(), options, plan);
    adjust(plan);
    return made;
  }

  static ModelPlan prepared(ModelPlan plan, std::function<void(ModelPlan&)> const& prepare) {
    prepare(plan);
    return plan;
  }

  ModelPlan plan;
  std::unique_ptr<parallel::ProcessGrid> grid;
  LoadedModel model;
  GridTraffic traffic;
  StepClock clock;
  Engine engine;
};

}  // namespace talus::runtime
