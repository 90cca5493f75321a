// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/model_load.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "parallel/agree.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/packed_load.hpp"
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

/// The memory that this rank's weights, of `bytes` bytes, have together with those of other
/// replicas on its node; null where they have none. Collective over grid.world().
std::unique_ptr<SharedWeights> make_shared_weights(parallel::ProcessGrid const& grid,
                                                   ModelPlan const& plan,
                                                   std::int64_t bytes) {
  parallel::Communicator sharers = weight_sharers(grid);
  bool const are_shared = plan.weight_sharers > 1;
  std::unique_ptr<SharedWeights> shared;
  if (are_shared) {
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
  constexpr std::array<std::pair<std::string_view, LoadFormat>, 5> formats = {
      {{"auto", LoadFormat::automatic},
       {"safetensors", LoadFormat::safetensors},
       {"sharded", LoadFormat::sharded},
       {"sharded_state", LoadFormat::sharded},
       {"dummy", LoadFormat::dummy}}};
  for (auto const& [known, format] : formats) {
    if (name == known) {
      return format;
    }
  }
  throw ConfigError{
      concat("--load-format: ", name, " (allowed: auto, safetensors, sharded, dummy)")};
}

LoadedModel load_model(parallel::ProcessGrid const& grid,
                       ModelPlan const& plan,
                       ModelOptions const& options,
                       std::function<void()> interrupt) {
  if (load_format_from(options.load_format) == LoadFormat::dummy) {
    return make_dummies(grid, plan);
  }
  std::optional<io::Checkpoint> checkpoint;
  if (!plan.packed) {
    checkpoint = io::Checkpoint::open_shared(options.model, grid.world());
  }
  ShardPlace const place = shard_place(grid);
  std::unique_ptr<SharedWeights> shared = make_shared_weights(
      grid,
      plan,
      checkpoint ? weight_bytes(plan.exec, plan.spec, place, plan.weights, &*checkpoint)
                 : packed_weight_bytes(grid, plan, options.model));
  kernels::ExecContext exec = plan.exec;
  exec.memory = shared.get();
  io::LoadOptions load_options;
  load_options.host_memory_bytes = options.load_host_memory;
  load_options.interrupt = std::move(interrupt);
  LoadedWeights loaded =
      checkpoint
          ? load_weights(
                grid.world(), *checkpoint, exec, plan.spec, place, plan.weights, load_options)
          : load_packed_weights({grid, plan, exec, shared.get()}, options.model, load_options);
  if (shared) {
    shared->publish();
    loaded.weights.memory = std::move(shared);
  }
  return {std::move(loaded.weights), loaded.report.format()};
}

}  // namespace talus::runtime
