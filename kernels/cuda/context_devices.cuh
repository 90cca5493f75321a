// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/cuda/launcher.cuh"
#include "kernels/exec_context.hpp"

namespace talus::kernels::cuda {

/// A context's device, for the time of an operation.
struct ContextDevices {
  [[nodiscard]] static Launcher operation(ExecContext const& exec) {
    return Launcher{device_of(exec)};
  }
};

}  // namespace talus::kernels::cuda
