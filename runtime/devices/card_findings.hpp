// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/devices/card_plan.hpp"

namespace talus::runtime {

/// Something about the cards of a node that lets no run of a backend of GPUs begin, or wastes them.
struct CardFinding {
  std::string kind;        ///< "no_card", "shared_card", "idle_card"
  std::string text;        ///< a sentence for the user, naming host and ranks
  std::vector<int> ranks;  ///< in the world; none for cards that no rank takes
};

/// All that is to be said of a node: ranks that see no card, and why; each card that several ranks
/// would take; how many that some rank sees would do nothing.
///
/// \param host   for the sentences
/// \param ranks  of the node, in their order
[[nodiscard]] std::vector<CardFinding> card_findings(std::string const& host,
                                                     std::span<RankCards const> ranks);

}  // namespace talus::runtime
