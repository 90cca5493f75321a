// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/bench_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "jobs/bench/machine_limits.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

using io::Json;
using runtime::StepTotals;
using Kind = StepTotals runtime::BenchTotals::*;

/// The value below which `percent` of the values lie, between two of them in proportion.
double percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  double const place = percent / 100.0 * static_cast<double>(values.size() - 1);
  auto const below = static_cast<std::size_t>(place);
  std::size_t const above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

double mean(std::vector<double> const& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::vector<double> const& values) {
  double const middle = mean(values);
  double squares = 0.0;
  for (double const value : values) {
    squares += (value - middle) * (value - middle);
  }
  return std::sqrt(squares / static_cast<double>(values.size()));
}

/// The median over the measurements of something that each tells.
template <class Tell>
double median_of(std::span<Measurement const> measurements, Tell const& tell) {
  std::vector<double> values;
  for (Measurement const& one : measurements) {
    values.push_back(tell(one));
  }
  return percentile(std::move(values), 50.0);
}

/// Medians over measurements of one kind of steps.
class KindSummary {
 public:
  KindSummary(std::span<Measurement const> measurements,
              Kind kind,
              parallel::GridShape const& shape)
      : measurements_{measurements},
        kind_{kind},
        ranks_of_replica_{static_cast<double>(shape.pp * shape.tp)} {}

  [[nodiscard]] bool is_empty() const { return steps() == 0.0; }

  [[nodiscard]] double steps() const {
    return of([](StepTotals const& rank) { return static_cast<double>(rank.steps); });
  }

  /// Of all replicas; the ranks of one all go through the same tokens.
  [[nodiscard]] double tokens_per_second() const {
    return median_of(measurements_, [&](Measurement const& one) {
      StepTotals const& job = one.run.job.*kind_;
      auto const tokens = static_cast<double>(job.prefill_tokens + job.decode_tokens);
      return tokens / ranks_of_replica_ / seconds(one);
    });
  }

  [[nodiscard]] double fraction_of_bandwidth() const {
    return median_of(measurements_, [&](Measurement const& one) {
      return bytes(one) / seconds(one) / one.limits.read_bandwidth;
    });
  }

  [[nodiscard]] double fraction_of_float_peak() const {
    return median_of(measurements_, [&](Measurement const& one) {
      return (one.run.job.*kind_).cost.operations / seconds(one) / one.limits.float_peak;
    });
  }

  [[nodiscard]] Json to_json() const {
    Json phases = Json::object();
    for (std::size_t i = 0; i < io::num_phases; ++i) {
      double const time = per_step([&](StepTotals const& rank) { return rank.phase_seconds[i]; });
      if (time > 0.0) {
        phases[std::string{to_string(static_cast<io::Phase>(i))}] = time;
      }
    }
    auto const outside = [](StepTotals const& rank) { return rank.seconds_outside_kernels(); };
    return {
        {"steps", steps()},
        {"seconds", of([](StepTotals const& rank) { return rank.seconds; })},
        {"tokens_per_second", tokens_per_second()},
        {"seconds_per_step", per_step([](StepTotals const& rank) { return rank.seconds; })},
        {"weight_bytes_per_step",
         per_step([](StepTotals const& rank) { return rank.cost.weight_bytes; })},
        {"kv_bytes_per_step", per_step([](StepTotals const& rank) { return rank.cost.kv_bytes; })},
        {"bytes_per_second",
         median_of(measurements_,
                   [&](Measurement const& one) { return bytes(one) / seconds(one); })},
        {"fraction_of_read_bandwidth", fraction_of_bandwidth()},
        {"operations_per_second",
         median_of(measurements_,
                   [&](Measurement const& one) {
                     return (one.run.job.*kind_).cost.operations / seconds(one);
                   })},
        {"fraction_of_float32_peak", fraction_of_float_peak()},
        {"seconds_outside_kernels_per_step", per_step(outside)},
        {"fraction_outside_kernels",
         of([&](StepTotals const& rank) { return outside(rank) / rank.seconds; })},
        {"phase_seconds_per_step", phases}};
  }

 private:
  template <class Tell>
  [[nodiscard]] double of(Tell const& tell) const {
    return median_of(measurements_,
                     [&](Measurement const& one) { return tell(one.run.rank.*kind_); });
  }

  template <class Tell>
  [[nodiscard]] double per_step(Tell const& tell) const {
    return of([&](StepTotals const& rank) { return tell(rank) / static_cast<double>(rank.steps); });
  }

  [[nodiscard]] double seconds(Measurement const& one) const {
    return (one.run.rank.*kind_).seconds;
  }

  [[nodiscard]] double bytes(Measurement const& one) const {
    runtime::StepCost const& cost = (one.run.job.*kind_).cost;
    return cost.weight_bytes + cost.kv_bytes;
  }

  std::span<Measurement const> measurements_;
  Kind kind_;
  double ranks_of_replica_;
};

struct NamedKind {
  char const* name;
  Kind kind;
};

constexpr std::array kinds = {NamedKind{"prefill", &runtime::BenchTotals::prefill},
                              NamedKind{"decode", &runtime::BenchTotals::decode},
                              NamedKind{"mixed", &runtime::BenchTotals::mixed}};

bool is_made_up(NamedKind const& kind, BenchSetup const& setup) {
  return setup.has_dummy_prefill && kind.kind == &runtime::BenchTotals::prefill;
}

Json to_json(io::NamedTexts const& texts) {
  Json object = Json::object();
  for (auto const& [name, text] : texts) {
    object[name] = text;
  }
  return object;
}

Json own_part(runtime::BenchEngine const& engine,
              std::span<Measurement const> measurements,
              BenchSetup const& setup) {
  runtime::ModelPlan const& plan = engine.plan();
  parallel::GridShape const& shape = engine.grid().shape();
  Json peaks = Json::object();
  for (auto const& [name, operations] : setup.unit_peaks) {
    peaks[name] = std::stod(operations);
  }
  auto const limit = [&](double JobLimits::*member) {
    return median_of(measurements, [&](Measurement const& one) { return one.limits.*member; });
  };
  Json own = {{"processor", bench::processor_name()},
              {"ranks", engine.grid().world().size()},
              {"threads_per_rank", setup.threads},
              {"backend", name_of(plan.exec.backend)},
              {"dtype", name_of(plan.dtype)},
              {"kv_cache_dtype", name_of(plan.limits.kv_dtype)},
              {"load_format", setup.load_format},
              {"dummy_prefill", setup.has_dummy_prefill},
              {"grid", {{"dp", shape.dp}, {"pp", shape.pp}, {"tp", shape.tp}, {"ep", shape.ep}}},
              {"max_num_batched_tokens", plan.limits.max_tokens},
              {"weight_bytes_of_rank_0", plan.budget.weights},
              {"limits",
               {{"read_bytes_per_second", limit(&JobLimits::read_bandwidth)},
                {"float32_operations_per_second", limit(&JobLimits::float_peak)},
                {"unit_operations_per_second_of_rank_0", peaks}}},
              {"versions", to_json(setup.versions)}};
  for (NamedKind const& kind : kinds) {
    KindSummary const summary{measurements, kind.kind, shape};
    own[kind.name] = summary.is_empty() || is_made_up(kind, setup) ? Json{} : summary.to_json();
  }
  return own;
}

/// A line for each kind of steps, with its limits.
void print_kinds(runtime::BenchEngine const& engine,
                 std::span<Measurement const> measurements,
                 BenchSetup const& setup) {
  for (NamedKind const& kind : kinds) {
    KindSummary const summary{measurements, kind.kind, engine.grid().shape()};
    if (summary.is_empty() || is_made_up(kind, setup)) {
      continue;
    }
    std::printf(
        "%-8s %10.2f tokens/s, %5.1f%% of the read bandwidth, %5.1f%% of the float32 peak\n",
        kind.name,
        summary.tokens_per_second(),
        100.0 * summary.fraction_of_bandwidth(),
        100.0 * summary.fraction_of_float_peak());
  }
  std::fflush(stdout);
}

}  // namespace

JobLimits measure_limits(parallel::Communicator const& comm, int threads) {
  std::array<std::int64_t, 2> sums{};
  for (int attempt = 0; attempt < 3; ++attempt) {  // what disturbs a limit only lowers it
    parallel::barrier(comm);
    sums[0] = std::max(sums[0], static_cast<std::int64_t>(bench::read_bandwidth(threads)));
    parallel::barrier(comm);
    sums[1] = std::max(sums[1], static_cast<std::int64_t>(bench::arithmetic_peak(threads)));
  }
  parallel::all_reduce(comm, std::span<std::int64_t>{sums}, parallel::ReduceOp::sum);
  return {static_cast<double>(sums[0]), static_cast<double>(sums[1])};
}

io::NamedTexts named_unit_peaks(int threads) {
  io::NamedTexts texts;
  for (bench::UnitPeak const& peak : bench::unit_peaks(threads)) {
    texts.emplace_back(peak.name, concat(peak.operations));
  }
  return texts;
}

void report_latency(runtime::BenchEngine const& engine,
                    std::span<Measurement const> measurements,
                    BenchSetup const& setup,
                    std::ostream* json) {
  std::vector<double> latencies;
  for (Measurement const& one : measurements) {
    latencies.push_back(one.run.seconds);
  }
  Json percentiles = Json::object();
  std::cout << "Avg latency: " << mean(latencies) << " seconds\n"
            << "Std latency: " << standard_deviation(latencies) << " seconds\n";
  for (int const percent : {10, 25, 50, 75, 90, 99}) {
    double const value = percentile(latencies, percent);
    std::cout << percent << "% percentile latency: " << value << " seconds\n";
    percentiles[std::to_string(percent)] = value;
  }
  std::cout << std::flush;
  print_kinds(engine, measurements, setup);
  if (json != nullptr) {
    *json << Json{{"avg_latency", mean(latencies)},
                  {"std_latency", standard_deviation(latencies)},
                  {"latencies", latencies},
                  {"percentiles", percentiles},
                  {"x_talus", own_part(engine, measurements, setup)}}
                 .dump(4)
          << '\n';
  }
}

void report_throughput(runtime::BenchEngine const& engine,
                       Measurement const& measurement,
                       std::size_t num_requests,
                       BenchSetup const& setup,
                       std::ostream* json) {
  runtime::BenchRun const& run = measurement.run;
  double const requests = static_cast<double>(num_requests) / run.seconds;
  std::int64_t const tokens = run.prompt_tokens + run.output_tokens;
  double const tokens_per_second = static_cast<double>(tokens) / run.seconds;
  std::printf("Throughput: %.2f requests/s, %.2f total tokens/s, %.2f output tokens/s\n",
              requests,
              tokens_per_second,
              static_cast<double>(run.output_tokens) / run.seconds);
  std::printf("Total num prompt tokens:  %lld\nTotal num output tokens:  %lld\n",
              static_cast<long long>(run.prompt_tokens),
              static_cast<long long>(run.output_tokens));
  print_kinds(engine, {&measurement, 1}, setup);
  if (json != nullptr) {
    *json << Json{{"elapsed_time", run.seconds},
                  {"num_requests", num_requests},
                  {"total_num_tokens", tokens},
                  {"requests_per_second", requests},
                  {"tokens_per_second", tokens_per_second},
                  {"x_talus", own_part(engine, {&measurement, 1}, setup)}}
                 .dump(4)
          << '\n';
  }
}

}  // namespace talus::jobs
