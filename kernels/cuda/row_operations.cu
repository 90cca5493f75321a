// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/operations.hpp"
#include "kernels/cuda/context_devices.cuh"
#include "kernels/cuda/operations.hpp"

namespace talus::kernels::cuda {

void set_row_operations(Operations& table) {
  block::set_exchange_operations<ContextDevices>(table);
  block::set_row_operations<ContextDevices>(table);
}

}  // namespace talus::kernels::cuda
