// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

namespace talus::jobs {

/// The value below which `percent` of the values, at least one, lie; between two of them in
/// proportion, as numpy has it.
[[nodiscard]] double percentile(std::vector<double> values, double percent);

/// The mean of at least one value.
[[nodiscard]] double mean(std::vector<double> const& values);

/// The root of the mean squared distance from the mean.
[[nodiscard]] double standard_deviation(std::vector<double> const& values);

}  // namespace talus::jobs
