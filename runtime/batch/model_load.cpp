// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/model_load.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "parallel/agree.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/dummy_weights.hpp"
#include "runtime/model/shared_weights.hpp"

namespace talus::runtime {
namespace {

LoadedModel make_dummies(parallel::ProcessGrid const& grid, ModelPlan const& plan) {
  auto const start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  parallel::run_and_agree(grid.world(), [&] {
    loaded.weights = make_dummy_weights(plan.exec, plan.spec, shard_place(grid), plan.weights);
  });
  std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
  loaded.report = concat(
      "random weights in ", time.count(), " s (--load-format dummy): the tokens will mean nothing");
  return loaded;
}

/// The memory that this rank's weights have together with those of other replicas on its node; null
/// where they have none. Collective over grid.world().
std::unique_ptr<SharedWeights> make_shared_weights(parallel::ProcessGrid const& grid,
                                                   ModelPlan const& plan,
                                                   io::Checkpoint const& checkpoint) {
  parallel::Communicator sharers = weight_sharers(grid);
  bool const are_shared = plan.weight_sharers > 1;
  std::unique_ptr<SharedWeights> shared;
  if (are_shared) {
    std::int64_t const bytes =
        weight_bytes(plan.exec, plan.spec, shard_place(grid), plan.weights, &checkpoint);
    shared = SharedWeights::make(std::move(sharers), shared_weight_bytes(bytes));
  }
  if (!parallel::all_agree(grid.world(), !are_shared || shared != nullptr)) {
    throw ConfigError{
        "--share-weights: a node has not the shared memory for them that it had a moment ago (use "
        "--no-share-weights)"};
  }
  return shared;
}

}  // namespace

LoadFormat load_format_from(std::string_view name) {
  if (name == "auto" || name == "safetensors") {
    return LoadFormat::safetensors;
  }
  if (name == "dummy") {
    return LoadFormat::dummy;
  }
  throw ConfigError{concat("--load-format: ", name, " (allowed: auto, safetensors, dummy)")};
}

LoadedModel load_model(parallel::ProcessGrid const& grid,
                       ModelPlan const& plan,
                       ModelOptions const& options) {
  if (load_format_from(options.load_format) == LoadFormat::dummy) {
    return make_dummies(grid, plan);
  }
  io::Checkpoint const checkpoint = io::Checkpoint::open_shared(options.model, grid.world());
  io::LoadOptions load_options;
  load_options.host_memory_bytes = options.load_host_memory;
  std::unique_ptr<SharedWeights> shared = make_shared_weights(grid, plan, checkpoint);
  kernels::ExecContext exec = plan.exec;
  exec.memory = shared.get();
  LoadedWeights loaded = load_weights(
      grid.world(), checkpoint, exec, plan.spec, shard_place(grid), plan.weights, load_options);
  if (shared) {
    shared->publish();
    loaded.weights.memory = std::move(shared);
  }
  return {std::move(loaded.weights), loaded.report.format()};
}

}  // namespace talus::runtime
