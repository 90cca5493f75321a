// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "io/json/json.hpp"
#include "jobs/talus/bench_statistics.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/bench_engine.hpp"

namespace talus::jobs {

/// What all ranks of the job reach together, their threads busy at the same time.
struct JobLimits {
  /// Whether they were measured.
  [[nodiscard]] bool are_known() const noexcept { return read_bandwidth > 0.0; }

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

/// The median over the measurements of something that each tells.
template <class Tell>
[[nodiscard]] double median_of(std::span<Measurement const> measurements, Tell const& tell) {
  std::vector<double> values;
  for (Measurement const& one : measurements) {
    values.push_back(tell(one));
  }
  return percentile(std::move(values), 50.0);
}

/// One of the kinds of steps: a member of BenchTotals.
using StepKind = runtime::StepTotals runtime::BenchTotals::*;

/// What measurements say of one kind of steps, medians over them. Views them.
class KindSummary {
 public:
  /// \param shape  of the grid
  KindSummary(std::span<Measurement const> measurements,
              StepKind kind,
              parallel::GridShape const& shape);

  /// Whether there were no such steps.
  [[nodiscard]] bool is_empty() const;

  /// Tokens a second of all replicas together.
  [[nodiscard]] double tokens_per_second() const;

  /// Whether the limits of all measurements are known.
  [[nodiscard]] bool has_limits() const;

  /// The part of the read bandwidth that all ranks' reads come to.
  [[nodiscard]] double fraction_of_bandwidth() const;

  /// The part of the float32 peak that all ranks' operations come to.
  [[nodiscard]] double fraction_of_float_peak() const;

  /// All that there is to say, for the results: times and bytes are rank 0's, rates those of all
  /// ranks.
  [[nodiscard]] io::Json to_json() const;

 private:
  template <class Tell>
  [[nodiscard]] double of(Tell const& tell) const;
  template <class Tell>
  [[nodiscard]] double per_step(Tell const& tell) const;
  [[nodiscard]] double seconds(Measurement const& one) const;
  [[nodiscard]] double bytes(Measurement const& one) const;
  [[nodiscard]] double operations(Measurement const& one) const;

  std::span<Measurement const> measurements_;
  StepKind kind_;
  double ranks_of_replica_;
};

}  // namespace talus::jobs
