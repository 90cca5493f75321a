// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "jobs/doctor/report.hpp"

namespace talus::doctor {

/// When something counts as wrong, as shares of the median of what is alike.
struct Thresholds {
  double slow_rank = 0.75;         ///< of the ranks with as many threads
  double slow_link = 0.5;          ///< bandwidth, of the links between hosts
  double long_latency = 3.0;       ///< of the links between hosts
  double slow_reading = 0.5;       ///< bytes a second of a host, of the hosts that read
  double clock_skew = 0.01;        ///< seconds, beyond the error of the measurement
  std::size_t most_of_a_kind = 8;  ///< findings that are told one by one
};

/// What looks wrong in a report, most of the time's cost first. Where many are alike, the worst are
/// told, and how many more there are.
[[nodiscard]] std::vector<Finding> findings_of(Report const& report,
                                               Thresholds const& thresholds = {});

}  // namespace talus::doctor
