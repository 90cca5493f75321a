// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::bench {

/// Bytes a second that `num_threads` threads read from memory, together, out of a gibibyte.
[[nodiscard]] double read_bandwidth(int num_threads);

/// Float32 operations a second of `num_threads` threads that do nothing but multiply and add in
/// registers.
[[nodiscard]] double arithmetic_peak(int num_threads);

}  // namespace talus::bench
