// SPDX-License-Identifier: Apache-2.0
#include "parallel/hang.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

constexpr double patience_s = 10.0;
constexpr double long_idle_s = 11.0;

constexpr std::uint64_t world = 11;
constexpr std::uint64_t pair = 22;

/// Ranks that work, each in the group `world`, with as many calls behind it as it is told.
std::vector<RankView> working(std::size_t ranks, std::uint64_t calls) {
  std::vector<RankView> views(ranks);
  for (std::size_t i = 0; i < ranks; ++i) {
    RankState& state = views[i].state;
    views[i].contact = Contact::answers;
    state.status_word = static_cast<std::uint64_t>(RankStatus::working);
    state.pid = 100 + i;
    state.host = i < 2 ? "left" : "right";
    state.groups[0] = {world, calls};
  }
  return views;
}

/// Makes a rank wait in a call of a group for so long, having come to it.
void wait_in(
    RankView& view, std::uint64_t group, char const* name, char const* call, std::uint64_t number) {
  RankState& state = view.state;
  for (RankState::Group& place : state.groups) {
    if (place.id == group || place.id == 0) {
      place = {group, number};
      break;
    }
  }
  state.waits = 1;
  state.group = group;
  state.group_name = name;
  state.call = call;
  state.number = state.need = number;
  state.size = 4;
  view.idle_s = long_idle_s;
}

std::string text_of(Hang const& hang) {
  std::string text;
  for (std::string const& line : hang.lines) {
    text += line + '\n';
  }
  return text;
}

bool has(std::string const& text, char const* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("ranks that work don't hang, however long they take in a call") {
  std::vector<RankView> ranks = working(4, 7);
  CHECK_FALSE(find_hang(ranks, patience_s));

  for (std::size_t const i : {0U, 1U, 3U}) {
    wait_in(ranks[i], world, "world", "barrier", 8);
    ranks[i].idle_s = 3600.0;
  }
  CHECK_FALSE(find_hang(ranks, patience_s));  // rank 2 works
}

TEST_CASE("a rank that others wait for and that does nothing is named with their call") {
  std::vector<RankView> ranks = working(4, 7);
  for (std::size_t const i : {0U, 1U, 3U}) {
    wait_in(ranks[i], world, "world", "all_reduce", 8);
    ranks[i].state.layer = 1 + 5;
    ranks[i].state.step = 1 + 2;
  }
  ranks[2].idle_s = long_idle_s;
  ranks[2].state.phase = "attention";

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{2});
  std::string const text = text_of(*hang);
  CHECK(has(text, "rank 2 on right (pid 102): in no call"));
  CHECK(has(text, "in attention"));
  CHECK(has(text, "ranks 0,1,3 on left, right wait for rank 2"));
  CHECK(has(text, "all_reduce #8 of world (4 ranks), step 2, layer 5"));
}

TEST_CASE("a process that is stopped, gone or silent is named, also if all have come to the call") {
  auto const [contact, word] = GENERATE(std::pair{Contact::stopped, "is stopped"},
                                        std::pair{Contact::gone, "is gone"},
                                        std::pair{Contact::silent, "does not answer"});
  std::vector<RankView> ranks = working(4, 7);
  for (RankView& view : ranks) {
    wait_in(view, world, "world", "barrier", 8);
  }
  ranks[1].contact = contact;

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{1});
  CHECK(has(text_of(*hang), word));
  CHECK(has(text_of(*hang), "ranks 0,2,3 on left, right wait though all have come to it"));
}

TEST_CASE("a rank that is in another collective than the others is named") {
  std::vector<RankView> ranks = working(4, 7);
  for (std::size_t const i : {0U, 1U, 2U}) {
    ranks[i].state.groups[1] = {pair, 3};
    wait_in(ranks[i], world, "world", "all_reduce", 8);
  }
  wait_in(ranks[3], pair, "pair", "barrier", 4);

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{3});
  std::string const text = text_of(*hang);
  CHECK(has(text, "rank 3 on right (pid 103): waits for 11 s elsewhere; in barrier #4 of pair"));
  CHECK(has(text, "ranks 0-2 on left, right wait for rank 3, for 11 s: all_reduce #8 of world"));
}

TEST_CASE("of ranks that wait in as empty calls, the one that most wait for is named") {
  std::vector<RankView> ranks = working(3, 7);
  constexpr std::uint64_t all = 33;
  constexpr std::uint64_t of_stages = 44;
  for (RankView& view : ranks) {
    view.state.groups[1] = {all, 0};
    view.state.groups[2] = {of_stages, 3};
  }
  ranks[1].state.groups[3] = ranks[2].state.groups[3] = {pair, 5};
  wait_in(ranks[0], of_stages, "pp", "broadcast", 4);
  wait_in(ranks[1], all, "all", "barrier", 1);  // which nobody else comes to
  wait_in(ranks[2], pair, "1 to 2", "receive", 6);
  for (RankView& view : ranks) {
    view.state.size = 3;
  }
  ranks[2].state.size = 2;

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{1});
}

TEST_CASE("two ranks that wait for each other are both named, where nothing tells who is wrong") {
  std::vector<RankView> ranks = working(2, 7);
  ranks[0].state.groups[1] = ranks[1].state.groups[1] = {pair, 3};
  wait_in(ranks[0], world, "world", "barrier", 8);
  wait_in(ranks[1], pair, "pair", "barrier", 4);
  ranks[0].state.size = ranks[1].state.size = 2;
  ranks[0].state.step = 200;  // of another replica
  ranks[1].state.step = 3;

  CHECK(find_hang(ranks, patience_s)->culprits == std::vector{0, 1});
}

TEST_CASE("who waits for one that waits for one that works does not hang") {
  std::vector<RankView> ranks = working(3, 7);
  ranks[1].state.groups[1] = ranks[2].state.groups[1] = {pair, 3};
  wait_in(ranks[0], world, "world", "barrier", 8);
  ranks[2].state.groups[0].count = 8;
  wait_in(ranks[1], pair, "pair", "barrier", 4);

  CHECK_FALSE(find_hang(ranks, patience_s));  // rank 2 works

  ranks[2].idle_s = long_idle_s;
  CHECK(find_hang(ranks, patience_s)->culprits == std::vector{2});
}

TEST_CASE("a rank that left a group by an exception is one that others wait for") {
  std::vector<RankView> ranks = working(3, 7);
  wait_in(ranks[0], world, "world", "barrier", 8);
  wait_in(ranks[2], world, "world", "barrier", 8);
  ranks[1].state.groups[0].count |= RankState::Group::left;
  ranks[1].state.status_word = static_cast<std::uint64_t>(RankStatus::failed);

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{1});
  CHECK(has(text_of(*hang), "an exception has ended its work"));
  CHECK(has(text_of(*hang), "wait for rank 1"));
}

TEST_CASE("a rank whose thread is in a call on a file is named, with the file") {
  std::vector<RankView> ranks = working(2, 7);
  for (RankView& view : ranks) {
    wait_in(view, world, "world", "load tensors", 8);
    view.state.size = 2;
  }
  ranks[1].state.files = 1;
  ranks[1].state.file_call = "read";
  ranks[1].state.file = "model/weights";

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits == std::vector{1});
  CHECK(has(text_of(*hang), "in a call on a file: read model/weights"));
}

TEST_CASE("patience, a debugger, an end and ranks that can't be asked are no hang") {
  std::vector<RankView> ranks = working(3, 7);
  wait_in(ranks[0], world, "world", "barrier", 8);
  wait_in(ranks[1], world, "world", "barrier", 8);
  ranks[2].idle_s = long_idle_s;
  REQUIRE(find_hang(ranks, patience_s));

  SECTION("it reads a pipe that somebody writes to by hand") {
    ranks[2].state.status_word = static_cast<std::uint64_t>(RankStatus::patient);
  }
  SECTION("somebody debugs it") {
    ranks[2].contact = Contact::traced;
  }
  SECTION("it is on another node, of which nothing is known") {
    ranks[2].contact = Contact::unknown;
  }
  CHECK_FALSE(find_hang(ranks, patience_s));
}

TEST_CASE("ranks that have finished don't hang") {
  std::vector<RankView> ranks = working(2, 7);
  for (RankView& view : ranks) {
    view.state.status_word = static_cast<std::uint64_t>(RankStatus::finished);
    view.contact = Contact::gone;
    view.idle_s = 1e4;
  }
  CHECK_FALSE(find_hang(ranks, patience_s));
}

TEST_CASE("thousands of culprits are told in a few lines") {
  std::vector<RankView> ranks = working(4000, 7);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (i % 2 == 0) {
      ranks[i].contact = Contact::silent;
      ranks[i].idle_s = long_idle_s;
    } else {
      wait_in(ranks[i], world, "world", "barrier", 8);
      ranks[i].state.size = ranks.size();
    }
  }

  auto const hang = find_hang(ranks, patience_s);

  REQUIRE(hang);
  CHECK(hang->culprits.size() == 2000);
  CHECK(hang->lines.size() < 20);
}
