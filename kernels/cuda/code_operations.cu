// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/operations.hpp"
#include "kernels/cuda/context_devices.cuh"
#include "kernels/cuda/operations.hpp"

namespace talus::kernels::cuda {

void set_code_operations(CodeOperations& codes) {
  block::set_code_operations<ContextDevices>(codes);
}

}  // namespace talus::kernels::cuda
