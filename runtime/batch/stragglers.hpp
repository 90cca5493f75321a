// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/batch/rank_summary.hpp"

namespace talus::runtime {

/// A sentence for each of the worst ranks that others waited for.
///
/// In a tensor-parallel group that is a rank that came last in more of the group's sums than half
/// way between its share by chance and all, while the others waited for a hundredth of the run or
/// more in them. In an expert group, which exchanges what every rank needs of every other, it is
/// the one that waited least, if the others waited for a twentieth of the run longer on average.
///
/// \param summaries  by rank of the grid
[[nodiscard]] std::vector<std::string> name_stragglers(std::span<RankSummary const> summaries,
                                                       parallel::GridShape const& shape);

}  // namespace talus::runtime
