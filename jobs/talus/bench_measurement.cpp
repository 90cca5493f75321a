// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/bench_measurement.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <nlohmann/json.hpp>

#include "jobs/bench/machine_limits.hpp"
#include "parallel/collectives.hpp"

namespace talus::jobs {

using io::Json;
using runtime::StepTotals;

JobLimits measure_limits(parallel::Communicator const& comm, int threads) {
  // Ranks of a node share what is read, but each reads more than its part of the caches.
  auto const ranks = static_cast<std::size_t>(comm.size());
  std::size_t const bytes = bench::bytes_to_read / std::min(ranks, std::size_t{4});
  std::array<std::int64_t, 2> sums{};
  for (int attempt = 0; attempt < 3; ++attempt) {  // what disturbs a limit only lowers it
    parallel::barrier(comm);
    sums[0] = std::max(sums[0], static_cast<std::int64_t>(bench::read_bandwidth(threads, bytes)));
    parallel::barrier(comm);
    sums[1] = std::max(sums[1], static_cast<std::int64_t>(bench::arithmetic_peak(threads)));
  }
  parallel::all_reduce(comm, std::span<std::int64_t>{sums}, parallel::ReduceOp::sum);
  return {static_cast<double>(sums[0]), static_cast<double>(sums[1])};
}

KindSummary::KindSummary(std::span<Measurement const> measurements,
                         StepKind kind,
                         parallel::GridShape const& shape)
    : measurements_{measurements},
      kind_{kind},
      ranks_of_replica_{static_cast<double>(shape.pp * shape.tp)} {}

template <class Tell>
double KindSummary::of(Tell const& tell) const {
  return median_of(measurements_,
                   [&](Measurement const& one) { return tell(one.run.rank.*kind_); });
}

template <class Tell>
double KindSummary::per_step(Tell const& tell) const {
  return of([&](StepTotals const& rank) { return tell(rank) / static_cast<double>(rank.steps); });
}

double KindSummary::seconds(Measurement const& one) const {
  return (one.run.rank.*kind_).seconds;
}

double KindSummary::bytes(Measurement const& one) const {
  runtime::StepCost const& cost = (one.run.job.*kind_).cost;
  return cost.weight_bytes + cost.kv_bytes;
}

double KindSummary::operations(Measurement const& one) const {
  return (one.run.job.*kind_).cost.operations;
}

bool KindSummary::is_empty() const {
  return of([](StepTotals const& rank) { return static_cast<double>(rank.steps); }) == 0.0;
}

double KindSummary::tokens_per_second() const {
  return median_of(measurements_, [&](Measurement const& one) {
    StepTotals const& job = one.run.job.*kind_;
    auto const tokens = static_cast<double>(job.prefill_tokens + job.decode_tokens);
    return tokens / ranks_of_replica_ / seconds(one);  // a replica's ranks go through the same
  });
}

bool KindSummary::has_limits() const {
  return std::all_of(measurements_.begin(), measurements_.end(), [](Measurement const& one) {
    return one.limits.are_known();
  });
}

double KindSummary::fraction_of_bandwidth() const {
  return median_of(measurements_, [&](Measurement const& one) {
    return bytes(one) / seconds(one) / one.limits.read_bandwidth;
  });
}

double KindSummary::fraction_of_float_peak() const {
  return median_of(measurements_, [&](Measurement const& one) {
    return operations(one) / seconds(one) / one.limits.float_peak;
  });
}

Json KindSummary::to_json() const {
  Json phases = Json::object();
  for (std::size_t i = 0; i < io::num_phases; ++i) {
    double const time = per_step([&](StepTotals const& rank) { return rank.phase_seconds[i]; });
    if (time > 0.0) {
      phases[std::string{to_string(static_cast<io::Phase>(i))}] = time;
    }
  }
  auto const outside = [](StepTotals const& rank) { return rank.seconds_outside_kernels(); };
  auto const rate_of = [&](double (KindSummary::*amount)(Measurement const&) const) {
    return median_of(measurements_,
                     [&](Measurement const& one) { return (this->*amount)(one) / seconds(one); });
  };
  return {
      {"steps", of([](StepTotals const& rank) { return static_cast<double>(rank.steps); })},
      {"seconds", of([](StepTotals const& rank) { return rank.seconds; })},
      {"tokens_per_second", tokens_per_second()},
      {"seconds_per_step", per_step([](StepTotals const& rank) { return rank.seconds; })},
      {"weight_bytes_per_step",
       per_step([](StepTotals const& rank) { return rank.cost.weight_bytes; })},
      {"kv_bytes_per_step", per_step([](StepTotals const& rank) { return rank.cost.kv_bytes; })},
      {"bytes_per_second", rate_of(&KindSummary::bytes)},
      {"fraction_of_read_bandwidth", has_limits() ? Json(fraction_of_bandwidth()) : Json{}},
      {"operations_per_second", rate_of(&KindSummary::operations)},
      {"fraction_of_float32_peak", has_limits() ? Json(fraction_of_float_peak()) : Json{}},
      {"seconds_outside_kernels_per_step", per_step(outside)},
      {"fraction_outside_kernels",
       of([&](StepTotals const& rank) { return outside(rank) / rank.seconds; })},
      {"device_busy_seconds_per_step",
       per_step([](StepTotals const& rank) { return rank.device_busy; })},
      {"device_idle_seconds_per_step",
       per_step([](StepTotals const& rank) { return rank.device_idle; })},
      {"phase_seconds_per_step", phases}};
}

}  // namespace talus::jobs
