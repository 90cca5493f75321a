// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "io/json/json.hpp"
#include "jobs/doctor/report.hpp"

namespace talus::doctor {

/// A rank as an element of "ranks"; also how ranks tell rank 0 what they found.
[[nodiscard]] io::Json to_json(RankFacts const& rank);

/// What to_json() was given.
///
/// \throws ConfigError  if a key is missing or of another type
[[nodiscard]] RankFacts rank_from_json(io::Json const& json);

/// The whole report with what looks wrong: the keys of README.md.
[[nodiscard]] io::Json to_json(Report const& report, std::span<Finding const> findings);

}  // namespace talus::doctor
