// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/pci_address.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <cuda_runtime_api.h>

#include "kernels/cuda/check.hpp"

namespace talus::kernels::cuda {

std::string pci_address(int number) {
  std::array<char, 32> text{};
  check(cudaDeviceGetPCIBusId(text.data(), static_cast<int>(text.size()), number),
        "cudaDeviceGetPCIBusId");
  std::string address{text.data()};
  // CUDA writes capitals, the system doesn't.
  std::transform(address.begin(), address.end(), address.begin(), [](char letter) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  });
  return address;
}

}  // namespace talus::kernels::cuda
