// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kernels/cuda/module.hpp"

namespace talus::runtime {

/// The cards that a rank sees, in its own order: what the launcher, CUDA_VISIBLE_DEVICES and the
/// driver leave it.
struct RankCards {
  int rank = 0;  ///< in the world
  std::vector<kernels::cuda::DeviceInfo> seen{};
  std::string reason{};  ///< why it sees none
};

/// The card that a rank takes.
struct CardChoice {
  int number = -1;      ///< among those that it sees; -1: it sees none
  int num_sharers = 1;  ///< ranks that take the same card, this one among them
};

/// Whether ranks may have a card together.
enum class CardSharing { refused, allowed };

/// A card that several ranks take.
struct SharedCard {
  std::string name{};
  std::string uuid{};
  std::vector<int> ranks{};  ///< in the world
};

/// Gives each rank of a node a card: its own as far as there are enough, whatever the order in
/// which ranks see them. The n-th rank takes the n-th that it sees, where nothing speaks against
/// it. A card is known by its UUID: instances of one that is partitioned are cards.
///
/// \param ranks  of the node, in their order
/// \return       by rank
[[nodiscard]] std::vector<CardChoice> choose_cards(std::span<RankCards const> ranks);

/// What several ranks take, in the order of the first of them.
[[nodiscard]] std::vector<SharedCard> shared_cards(std::span<RankCards const> ranks,
                                                   std::span<CardChoice const> choices);

/// "ranks 8, 10 on node7: have one GPU together, NVIDIA H200, UUID ..."
[[nodiscard]] std::string describe(std::string const& host, SharedCard const& card);

/// As choose_cards, if each rank may have its card.
///
/// \param host   for messages
/// \param ranks  of the node, in their order
/// \return       by rank
/// \throws ConfigError  naming ranks, host and card: if one sees no card; if there are too few and
///                      sharing is refused
[[nodiscard]] std::vector<CardChoice> plan_cards(std::string const& host,
                                                 std::span<RankCards const> ranks,
                                                 CardSharing sharing);

/// Cards of the node that no rank takes though some rank sees them, as a sentence; empty if there
/// are none.
[[nodiscard]] std::string describe_idle_cards(std::string const& host,
                                              std::span<RankCards const> ranks,
                                              std::span<CardChoice const> choices);

}  // namespace talus::runtime
