// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/bench_report.hpp"

#include <array>
#include <cstdio>
#include <iostream>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "jobs/bench/machine_limits.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

using io::Json;

struct NamedKind {
  char const* name;
  StepKind kind;
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
              {"gpu_matmul", plan.device ? Json(name_of(plan.matmul)) : Json{}},
              {"dtype", name_of(plan.dtype)},
              {"kv_cache_dtype", name_of(plan.limits.kv_dtype)},
              {"quantization", setup.quantization},
              {"load_format", setup.load_format},
              {"dummy_prefill", setup.has_dummy_prefill},
              {"grid", {{"dp", shape.dp}, {"pp", shape.pp}, {"tp", shape.tp}, {"ep", shape.ep}}},
              {"max_num_batched_tokens", plan.limits.max_tokens},
              {"weight_bytes_of_rank_0", plan.budget.weights},
              {"limits",
               plan.device ? Json{}
                           : Json{{"read_bytes_per_second", limit(&JobLimits::read_bandwidth)},
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
    if (!summary.has_limits()) {
      std::printf("%-8s %10.2f tokens/s\n", kind.name, summary.tokens_per_second());
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
