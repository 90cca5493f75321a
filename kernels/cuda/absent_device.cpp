// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/absent_device.hpp"

#include <cstring>

#include "kernels/buffer.hpp"
#include "kernels/cuda/library_products.hpp"
#include "kernels/device_fetch.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

void* AbsentDevice::allocate(std::int64_t bytes) {
  count_memory_change();
  return kernels::allocate({}, bytes).release().address;
}

void AbsentDevice::release(void* memory) noexcept {
  count_memory_change();
  MemoryTraits::destroy({memory, nullptr});
}

void AbsentDevice::upload(void const* host, void* to, std::int64_t bytes) {
  std::memcpy(to, host, static_cast<std::size_t>(bytes));
}

void AbsentDevice::download(void const* from, void* host, std::int64_t bytes) {
  std::memcpy(host, from, static_cast<std::size_t>(bytes));
}

std::unique_ptr<DeviceFetch> AbsentDevice::make_fetch(std::int64_t /*bytes*/) {
  throw ConfigError{"device: nothing is computed on GPUs that aren't here"};
}

void AbsentDevice::copy(void const* from, void* to, std::int64_t bytes) {
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void AbsentDevice::clear(void* memory, std::int64_t bytes) {
  std::memset(memory, 0, static_cast<std::size_t>(bytes));
}

std::unique_ptr<kernels::Device> make_absent_device(MatmulLibrary matmul,
                                                    std::optional<int> const& capability) {
  std::optional<CodeAbility> products;
  if (matmul == MatmulLibrary::cublaslt) {
    if (!capability) {
      throw ConfigError{
          "--gpu-matmul cublaslt: --gpu-arch is missing (in which order it wants codes of fp8 "
          "depends on the GPU, and there is none here to ask: name it as nvcc does, sm_90 for "
          "instance)"};
    }
    products = {*capability, require_cublaslt().version};
  }
  return std::make_unique<AbsentDevice>(products);
}

}  // namespace talus::kernels::cuda
