// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/operations.hpp"

#include "kernels/block/operations.hpp"
#include "kernels/cuda/launcher.cuh"
#include "kernels/exec_context.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

struct ContextDevices {
  [[nodiscard]] static Launcher operation(ExecContext const& exec) {
    if (exec.device == nullptr) {
      throw ConfigError{"cuda: an operation without a device"};
    }
    return Launcher{static_cast<Device&>(*exec.device)};
  }
};

}  // namespace

void set_operations(Operations& table) {
  block::set_operations<ContextDevices>(table);
}

}  // namespace talus::kernels::cuda
