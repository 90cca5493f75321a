// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/gpu/report.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::bench::gpu {

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  auto const last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(share * last + 0.5)];
}

void Report::set_limits(Limits limits) {
  limits_ = std::move(limits);
  std::printf("copy %.0f GB/s; product of bfloat16 %.0f TFLOP/s%s\n",
              limits_.copy_bytes / 1e9,
              limits_.matmul_flops / 1e12,
              limits_.matmul_note.c_str());
  std::fflush(stdout);
  write();
}

double Report::least_time(Measurement const& measurement) const {
  double const to_move =
      limits_.copy_bytes > 0.0 ? measurement.bytes / limits_.copy_bytes * 1e6 : 0.0;
  double const to_do =
      limits_.matmul_flops > 0.0 ? measurement.flops / limits_.matmul_flops * 1e6 : 0.0;
  return std::max(to_move, to_do);
}

void Report::add(Measurement measurement) {
  double const median = quantile(measurement.microseconds, 0.5);
  std::printf("%-40s %10.1f us (%.1f to %.1f), %7.0f GB/s, %6.1f TFLOP/s, %3.0f%% of the limit\n",
              measurement.name.c_str(),
              median,
              quantile(measurement.microseconds, 0.1),
              quantile(measurement.microseconds, 0.9),
              measurement.bytes / median / 1e3,
              measurement.flops / median / 1e6,
              least_time(measurement) / median * 100.0);
  std::fflush(stdout);
  all_.push_back(std::move(measurement));
  write();
}

/// By way of another file: who ends the program doesn't cut off what was there.
void Report::write() const {
  if (file_.empty()) {
    return;
  }
  nlohmann::json json{{"device", device_},
                      {"copy_gb_s", limits_.copy_bytes / 1e9},
                      {"library_bf16_tflop_s", limits_.matmul_flops / 1e12},
                      {"results", nlohmann::json::array()}};
  for (Measurement const& measurement : all_) {
    double const median = quantile(measurement.microseconds, 0.5);
    json["results"].push_back({{"name", measurement.name},
                               {"rounds", measurement.microseconds.size()},
                               {"median_us", median},
                               {"p10_us", quantile(measurement.microseconds, 0.1)},
                               {"p90_us", quantile(measurement.microseconds, 0.9)},
                               {"bytes", measurement.bytes},
                               {"flops", measurement.flops},
                               {"least_us", least_time(measurement)},
                               {"of_limit", least_time(measurement) / median}});
  }
  std::string const next = file_ + ".next";
  std::ofstream out{next};
  out << json.dump(2) << '\n';
  out.close();
  if (!out || std::rename(next.c_str(), file_.c_str()) != 0) {
    throw ConfigError{concat(file_, ": can't be written")};
  }
}

}  // namespace talus::bench::gpu
