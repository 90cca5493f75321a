// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/operations.hpp"

#include "kernels/block/operations.hpp"
#include "kernels/cuda/launcher.cuh"
#include "kernels/exec_context.hpp"

namespace talus::kernels::cuda {
namespace {

struct ContextDevices {
  [[nodiscard]] static Launcher operation(ExecContext const& exec) {
    return Launcher{device_of(exec)};
  }
};

}  // namespace

void set_operations(Operations& table) {
  block::set_operations<ContextDevices>(table);
}

}  // namespace talus::kernels::cuda
