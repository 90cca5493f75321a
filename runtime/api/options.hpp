// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/api/talus/engine.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::api {

/// An engine's options as those of a model on a grid.
[[nodiscard]] runtime::ModelOptions model_options(Options const& options);

}  // namespace talus::api
