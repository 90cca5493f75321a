// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices/card_choice.hpp"

#include <set>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::runtime;
using Catch::Matchers::ContainsSubstring;

namespace {

/// As many cards as there are ranks, seen by each from its own number on.
kernels::cuda::Devices turned(int num_cards, int first) {
  kernels::cuda::Devices devices;
  for (int i = 0; i < num_cards; ++i) {
    std::string const number = std::to_string((first + i) % num_cards);
    devices.found.push_back({.name = "card " + number,
                             .uuid = "uuid " + number,
                             .major = 9,
                             .pci = "ffff:0" + number + ":00.0"});
  }
  return devices;
}

}  // namespace

TEST_CASE("ranks of a node take cards of their own, and say which") {
  auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  auto const node = world.split_by_node();
  RankCard const card =
      agree_on_card(world, node, turned(world.size(), world.rank()), CardSharing::refused);
  CHECK(card.choice.num_sharers == 1);
  CHECK_THAT(card.text,
             ContainsSubstring(concat("of ", world.size(), ": ", card.info.name)) &&
                 ContainsSubstring("compute capability 9.0, ffff:0") &&
                 ContainsSubstring(card.info.uuid));
  CHECK(card.idle.empty());
  auto const lines = gather_card_lines(world, card.info.uuid);
  CHECK(lines.size() == (world.rank() == 0 ? static_cast<std::size_t>(world.size()) : 0U));
  std::set<std::string> const uuids = [&] {
    std::set<std::string> found;
    for (std::string const& line : lines) {
      found.insert(line.substr(line.rfind(": ") + 2));
    }
    return found;
  }();
  CHECK(uuids.size() == lines.size());
}

TEST_CASE("too few cards are an error of all ranks, or shared") {
  auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  auto const node = world.split_by_node();
  auto const seen = turned(1, 0);
  if (world.size() > 1) {
    CHECK_THROWS_WITH(agree_on_card(world, node, seen, CardSharing::refused),
                      ContainsSubstring("have one GPU together, card 0, UUID uuid 0"));
  }
  RankCard const card = agree_on_card(world, node, seen, CardSharing::allowed);
  CHECK(card.choice.number == 0);
  CHECK(card.choice.num_sharers == world.size());
}

TEST_CASE("where no rank sees a card, none is chosen, and where one doesn't, it is named") {
  auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  auto const node = world.split_by_node();
  kernels::cuda::Devices const none{{}, "no driver"};
  CHECK_FALSE(agree_if_seen(world, node, none, CardSharing::refused));
  CHECK_FALSE(agree_if_seen(world, node, std::nullopt, CardSharing::refused));

  auto const cards = turned(world.size(), world.rank());
  auto const card = agree_if_seen(world, node, cards, CardSharing::refused);
  REQUIRE(card);
  CHECK(card->choice.num_sharers == 1);

  bool const is_last = world.rank() == world.size() - 1;
  if (world.size() > 1) {
    CHECK_THROWS_WITH(
        agree_if_seen(world, node, is_last ? none : cards, CardSharing::refused),
        ContainsSubstring(concat("rank ", world.size() - 1, " on ")) &&
            ContainsSubstring("sees no GPU (no driver; every rank of the cuda backend needs one)"));
  }
}

TEST_CASE("a rank without a card is an error of all ranks") {
  auto const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  auto const node = world.split_by_node();
  kernels::cuda::Devices seen = turned(world.size(), 0);
  if (world.rank() == world.size() - 1) {
    seen = {{}, "no driver"};
  }
  CHECK_THROWS_WITH(agree_on_card(world, node, seen, CardSharing::allowed),
                    ContainsSubstring("sees no GPU (no driver"));
}
