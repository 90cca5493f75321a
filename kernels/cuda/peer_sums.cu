// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/peer_sums.hpp"

#include "kernels/cuda/launcher.cuh"

namespace talus::kernels::cuda {

void CudaPeerSums::launch() {
  Launcher launcher{device_};
  block::peer_sum(launcher, kernel_);
}

}  // namespace talus::kernels::cuda
