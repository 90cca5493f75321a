// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace talus::bench {

/// Bytes a second that `num_threads` threads read from memory, together, with plain loads out of a
/// gibibyte.
[[nodiscard]] double read_bandwidth(int num_threads);

/// Float32 operations a second of `num_threads` threads that do nothing but multiply and add in the
/// widest registers that the processor has.
[[nodiscard]] double arithmetic_peak(int num_threads);

/// What one of the processor's units reaches with operands in registers, or in tiles loaded from
/// the first-level cache.
struct UnitPeak {
  std::string name;         ///< "avx2_float32", "avx2_int8", "amx_bf16", ...
  double operations = 0.0;  ///< a second; a multiplication and an addition are two
};

/// The peaks of all units that this processor has, some milliseconds each.
[[nodiscard]] std::vector<UnitPeak> unit_peaks(int num_threads);

/// The processor's name as the operating system tells it; "unknown" if it doesn't.
[[nodiscard]] std::string processor_name();

}  // namespace talus::bench
