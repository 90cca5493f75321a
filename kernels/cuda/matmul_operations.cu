// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/operations.hpp"
#include "kernels/cuda/context_devices.cuh"
#include "kernels/cuda/operations.hpp"

namespace talus::kernels::cuda {

void set_matmul_operations(Operations& table) {
  block::set_matmul_operations<ContextDevices>(table);
}

BiasedMatmul biased_matmul_of_library() {
  return block::biased_matmul<ContextDevices>();
}

}  // namespace talus::kernels::cuda
