// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace talus::bench {

/// What is read to measure a node's memory bus, by all of its processes together: more than caches
/// hold.
inline constexpr std::size_t bytes_to_read = std::size_t{1} << 30;

/// Bytes a second that `num_threads` threads read from memory, together, with plain loads.
///
/// \param bytes  how many to read; the process keeps this much memory
[[nodiscard]] double read_bandwidth(int num_threads, std::size_t bytes = bytes_to_read);

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
