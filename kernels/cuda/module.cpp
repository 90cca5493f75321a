// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/module.hpp"

#include <array>

#include <cuda_runtime_api.h>

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/operations.hpp"
#include "kernels/cuda/pci_address.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

std::string hexadecimal(cudaUUID_t const& uuid) {
  constexpr std::array<char, 17> digits{"0123456789abcdef"};
  std::string text;
  for (char const byte : uuid.bytes) {
    auto const value = static_cast<unsigned char>(byte);
    text += digits[value / 16U];
    text += digits[value % 16U];
  }
  return text;
}

DeviceInfo info_of(int number) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties");
  return {properties.name,
          hexadecimal(properties.uuid),
          properties.major,
          properties.minor,
          properties.multiProcessorCount,
          static_cast<std::int64_t>(properties.totalGlobalMem),
          pci_address(number)};
}

Devices devices() {
  int count = 0;
  if (cudaError_t const error = cudaGetDeviceCount(&count); error != cudaSuccess) {
    return {{}, concat(cudaGetErrorName(error), ": ", cudaGetErrorString(error))};
  }
  Devices all;
  for (int number = 0; number < count; ++number) {
    all.found.push_back(info_of(number));
  }
  all.reason = count == 0 ? "the driver sees no GPU" : "";
  return all;
}

std::unique_ptr<kernels::Device> make_device(DeviceOptions const& options) {
  return std::make_unique<Device>(options);
}

constexpr Module module_of_cuda{devices, make_device, set_operations};

}  // namespace
}  // namespace talus::kernels::cuda

/// What kernels/cuda/library.cpp looks for.
extern "C" talus::kernels::cuda::Module const* talus_cuda_module();

talus::kernels::cuda::Module const* talus_cuda_module() {
  return &talus::kernels::cuda::module_of_cuda;
}
