// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace talus::bench {

/// A unit of the processor, kept as busy as it can be.
struct Unit {
  char const* name;
  bool is_float32;
  double operations_per_round;  ///< multiplications and additions
  void (*run)(std::int64_t rounds);
};

/// Those of an x86 processor; empty on one without AVX2. Only in builds for x86.
[[nodiscard]] std::vector<Unit> x86_units();

/// The units of the processor that this runs on; where none is known, plain vectors of float32.
[[nodiscard]] std::vector<Unit> available_units();

}  // namespace talus::bench
