// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "parallel/wait_graph.hpp"

namespace talus::parallel {

/// A line for each of the first few culprits: what it does instead, and where; then one for each
/// call that ranks wait in: which ranks, since when, where, for whom.
[[nodiscard]] std::vector<std::string> describe_hang(WaitGraph const& graph,
                                                     std::span<int const> hanging,
                                                     std::span<int const> culprits);

}  // namespace talus::parallel
