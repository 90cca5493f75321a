// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace talus::kernels::cuda {

/// The compute capability that the option --gpu-arch names as nvcc does: "sm_90", "sm_90a" and "90"
/// are 90.
///
/// \throws ConfigError  if it is none, or below 80: there are no kernels for it
[[nodiscard]] int capability_from(std::string_view arch);

}  // namespace talus::kernels::cuda
