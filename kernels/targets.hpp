// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/exec_context.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {

/// A backend that this build has and this processor can run.
struct Target {
  Backend backend;
  Operations operations;
};

/// All of them, the fastest last.
[[nodiscard]] std::vector<Target> const& targets();

}  // namespace talus::kernels
