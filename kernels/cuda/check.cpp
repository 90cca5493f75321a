// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/check.hpp"

#include <cuda_runtime_api.h>

#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

void check(int code, char const* what, SourceLocation where) {
  if (code != cudaSuccess) {
    auto const error = static_cast<cudaError_t>(code);
    // The runtime library keeps an error for whoever asks next; whoever catches this has it.
    static_cast<void>(cudaGetLastError());
    throw ApiError{
        concat(what, ": ", cudaGetErrorName(error), " (", cudaGetErrorString(error), ')'),
        code,
        where};
  }
}

}  // namespace talus::kernels::cuda
