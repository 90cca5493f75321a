// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/module.hpp"
#include "parallel/communicator.hpp"
#include "runtime/devices/card_plan.hpp"

namespace talus::runtime {

/// The card of this rank.
struct RankCard {
  CardChoice choice;
  kernels::cuda::DeviceInfo info;
  std::string text;  ///< "card 0 of 8: NVIDIA H200, ...": where it is and what is near it
  std::string idle;  ///< on the first rank of a node: see describe_idle_cards
};

/// Chooses a card for each rank of a node, and says what is near it. Collective over `world`, and
/// over `node`, this rank's part of it.
///
/// \param seen  by this rank
/// \throws ConfigError  on every rank of `world`, as plan_cards does on a node
[[nodiscard]] RankCard agree_on_card(parallel::Communicator const& world,
                                     parallel::Communicator const& node,
                                     kernels::cuda::Devices const& seen,
                                     CardSharing sharing);

/// As agree_on_card, if any rank of `world` sees a card; else nothing, on all ranks: then it is for
/// the backend to say why there are none. Collective over both.
///
/// \param seen  by this rank; nothing: there is nothing to choose among
/// \throws ConfigError  on every rank of `world`, naming a rank that sees none though others do
[[nodiscard]] std::optional<RankCard> agree_if_seen(
    parallel::Communicator const& world,
    parallel::Communicator const& node,
    std::optional<kernels::cuda::Devices> const& seen,
    CardSharing sharing);

/// What ranks say of their cards, "rank 3 on node7: ...", a line each, on rank 0; empty elsewhere.
/// Of very many the first are told. Collective over `world`.
[[nodiscard]] std::vector<std::string> gather_card_lines(parallel::Communicator const& world,
                                                         std::string const& mine);

}  // namespace talus::runtime
