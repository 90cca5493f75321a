// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "io/trace/run_info.hpp"
#include "jobs/talus/bench_measurement.hpp"

namespace talus::jobs {

/// What is told beside the measurements.
struct BenchSetup {
  int threads = 1;           ///< of a rank
  std::string quantization;  ///< as --quantization names it
  std::string load_format;
  bool has_dummy_prefill = false;  ///< prompts were not computed: there are no times of them
  io::NamedTexts versions;
  io::NamedTexts unit_peaks;  ///< name and operations a second of rank 0's units
};

/// Names and operations a second of the processor's units, as text.
[[nodiscard]] io::NamedTexts named_unit_peaks(int threads);

/// Prints latencies, and writes them as JSON with the keys of vLLM's `bench latency`; what that
/// doesn't tell is under "x_talus".
///
/// \param json  null: not written
void report_latency(runtime::BenchEngine const& engine,
                    std::span<Measurement const> measurements,
                    BenchSetup const& setup,
                    std::ostream* json);

/// Likewise a throughput, with the keys of vLLM's `bench throughput`.
void report_throughput(runtime::BenchEngine const& engine,
                       Measurement const& measurement,
                       std::size_t num_requests,
                       BenchSetup const& setup,
                       std::ostream* json);

}  // namespace talus::jobs
