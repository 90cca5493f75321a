// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/model_load.hpp"

#include <chrono>
#include <utility>

#include "parallel/agree.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/dummy_weights.hpp"

namespace talus::runtime {
namespace {

LoadedModel make_dummies(parallel::ProcessGrid const& grid, ModelPlan const& plan) {
  auto const start = std::chrono::steady_clock::now();
  LoadedModel loaded;
  parallel::run_and_agree(grid.world(), [&] {
    loaded.weights = make_dummy_weights(plan.exec, plan.spec, shard_place(grid), plan.dtype);
  });
  std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
  loaded.report = concat(
      "random weights in ", time.count(), " s (--load-format dummy): the tokens will mean nothing");
  return loaded;
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
  LoadedWeights loaded = load_weights(
      grid.world(), checkpoint, plan.exec, plan.spec, shard_place(grid), plan.dtype, load_options);
  return {std::move(loaded.weights), loaded.report.format()};
}

}  // namespace talus::runtime
