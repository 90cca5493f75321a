// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "jobs/doctor/report.hpp"

namespace talus::doctor {

/// The report for a person: tables of at most `most_lines` lines, what looks wrong at the end.
[[nodiscard]] std::string to_text(Report const& report,
                                  std::span<Finding const> findings,
                                  std::size_t most_lines = 32);

}  // namespace talus::doctor
