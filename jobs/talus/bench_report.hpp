// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "io/trace/run_info.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/bench_engine.hpp"

namespace talus::jobs {

/// What all ranks of the job reach together, their threads busy at the same time.
struct JobLimits {
  double read_bandwidth = 0.0;  ///< bytes a second from memory
  double float_peak = 0.0;      ///< float32 operations a second
};

/// Collective over `comm`.
///
/// \param threads  of a rank
[[nodiscard]] JobLimits measure_limits(parallel::Communicator const& comm, int threads);

/// One timed run, and the limits measured right before it.
struct Measurement {
  JobLimits limits;
  runtime::BenchRun run;
};

/// What is told beside the measurements.
struct BenchSetup {
  int threads = 1;  ///< of a rank
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
