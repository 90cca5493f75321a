// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/source_location.hpp"

namespace talus::kernels::cuda {

/// Checks what a call of the CUDA runtime returned; a header that nvcc can read.
///
/// \param code  a cudaError_t
/// \param what  the call, or the kernel
/// \throws ApiError  with CUDA's own words, unless it is cudaSuccess
void check(int code, char const* what, SourceLocation where = SourceLocation::current());

}  // namespace talus::kernels::cuda
