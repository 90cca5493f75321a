// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_choice.hpp"

#include <span>
#include <sstream>

#include "parallel/agree.hpp"
#include "parallel/broadcast_text.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"
#include "runtime/devices/card_locality.hpp"

namespace talus::runtime {
namespace {

/// Lines that are told of the ranks' cards.
constexpr std::size_t most_lines = 32;

/// The rank's number and why it sees no card, then UUID and name of each that it sees, a line each.
std::string to_lines(int rank, kernels::cuda::Devices const& seen) {
  std::string text = concat(rank, '\n', seen.reason, '\n');
  for (kernels::cuda::DeviceInfo const& card : seen.found) {
    text += concat(card.uuid, '\n', card.name, '\n');
  }
  return text;
}

RankCards cards_from(std::string_view lines) {
  std::istringstream in{std::string{lines}};
  RankCards cards;
  std::string number;
  std::getline(in, number);
  cards.rank = std::stoi(number);
  std::getline(in, cards.reason);
  for (std::string uuid; std::getline(in, uuid);) {
    kernels::cuda::DeviceInfo& card = cards.seen.emplace_back();
    card.uuid = uuid;
    std::getline(in, card.name);
  }
  return cards;
}

std::string describe(RankCard const& card, std::size_t num_seen) {
  std::string text = concat("card ",
                            card.choice.number,
                            " of ",
                            num_seen,
                            ": ",
                            card.info.name,
                            ", compute capability ",
                            card.info.major,
                            '.',
                            card.info.minor,
                            ", ",
                            card.info.pci,
                            ", UUID ",
                            card.info.uuid);
  std::string const near = describe(card_locality(card.info.pci));
  text += near.empty() ? "" : ", " + near;
  return card.choice.num_sharers > 1
             ? concat(text, ", of ", card.choice.num_sharers, " ranks together")
             : text;
}

}  // namespace

RankCard agree_on_card(parallel::Communicator const& world,
                       parallel::Communicator const& node,
                       kernels::cuda::Devices const& seen,
                       CardSharing sharing) {
  std::string const mine = to_lines(world.rank(), seen);
  std::vector<RankCards> ranks;
  for (auto const& bytes : parallel::gather_bytes(node, std::as_bytes(std::span{mine}), 0)) {
    ranks.push_back(cards_from(as_text(bytes)));
  }
  RankCard card;
  std::vector<int> choices(2 * static_cast<std::size_t>(node.size()));
  parallel::run_and_agree(world, [&] {
    if (node.rank() != 0) {
      return;
    }
    std::string const host = parallel::host_name();
    auto const planned = plan_cards(host, ranks, sharing);
    card.idle = describe_idle_cards(host, ranks, planned);
    for (std::size_t i = 0; i < planned.size(); ++i) {
      choices[2 * i] = planned[i].number;
      choices[2 * i + 1] = planned[i].num_sharers;
    }
  });
  parallel::broadcast(node, std::span{choices}, 0);
  auto const own = 2 * static_cast<std::size_t>(node.rank());
  card.choice = {choices[own], choices[own + 1]};
  card.info = seen.found[static_cast<std::size_t>(card.choice.number)];
  card.text = describe(card, seen.found.size());
  return card;
}

std::optional<RankCard> agree_if_seen(parallel::Communicator const& world,
                                      parallel::Communicator const& node,
                                      std::optional<kernels::cuda::Devices> const& seen,
                                      CardSharing sharing) {
  if (parallel::all_agree(world, !seen || seen->found.empty())) {
    return std::nullopt;
  }
  return agree_on_card(world, node, seen.value_or(kernels::cuda::Devices{}), sharing);
}

std::vector<std::string> gather_card_lines(parallel::Communicator const& world,
                                           std::string const& mine) {
  bool const is_told = world.rank() < static_cast<int>(most_lines);
  std::string const line =
      is_told ? concat("rank ", world.rank(), " on ", parallel::host_name(), ": ", mine) : "";
  std::vector<std::string> lines;
  for (auto const& bytes : parallel::gather_bytes(world, std::as_bytes(std::span{line}), 0)) {
    if (!bytes.empty()) {
      lines.emplace_back(as_text(bytes));
    }
  }
  if (world.rank() == 0 && world.size() > static_cast<int>(most_lines)) {
    lines.push_back(concat(
        "... and the cards of ", world.size() - static_cast<int>(most_lines), " more ranks"));
  }
  return lines;
}

}  // namespace talus::runtime
