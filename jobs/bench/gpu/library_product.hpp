// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "jobs/bench/gpu/gpu_support.hpp"

namespace talus::bench::gpu {

/// How fast cuBLASLt, opened if it is there, multiplies two square matrices of bfloat16, sums in
/// float32: what a card does at most.
///
/// \return  median of the floating-point operations in a second; 0, and why, where there is none
struct LibraryRate {
  double flops = 0.0;
  std::string reason;
};

[[nodiscard]] LibraryRate library_rate(Bench& bench, std::int64_t size);

}  // namespace talus::bench::gpu
