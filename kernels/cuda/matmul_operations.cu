// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/operations.hpp"
#include "kernels/cuda/context_devices.cuh"
#include "kernels/cuda/operations.hpp"

namespace talus::kernels::cuda {

void set_matmul_operations(Operations& table) {
  block::set_matmul_operations<ContextDevices>(table);
}

}  // namespace talus::kernels::cuda
