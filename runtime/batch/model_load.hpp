// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "parallel/process_grid.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {

/// Where weights come from: a checkpoint's safetensors files, files of packed weights, or nowhere;
/// automatic: whichever of the first two the folder holds.
enum class LoadFormat { automatic, safetensors, sharded, dummy };

/// The format that --load-format names.
///
/// \throws ConfigError  naming what is allowed
[[nodiscard]] LoadFormat load_format_from(std::string_view name);

/// A rank's weights, and what there is to say of how they came.
struct LoadedModel {
  ModelWeights weights;
  std::string report;  ///< lines for a person, without a newline at the end
};

/// Loads the weights of a planned model in the format that the options name. Collective over
/// grid.world().
///
/// \param interrupt  called now and then on each rank; what it throws fails the load
/// \throws ConfigError  on every rank: see load_weights
[[nodiscard]] LoadedModel load_model(parallel::ProcessGrid const& grid,
                                     ModelPlan const& plan,
                                     ModelOptions const& options,
                                     std::function<void()> interrupt = nullptr);

}  // namespace talus::runtime
