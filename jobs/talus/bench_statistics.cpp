// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/bench_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace talus::jobs {

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

}  // namespace talus::jobs
