// SPDX-License-Identifier: Apache-2.0
#include "parallel/call_log.hpp"

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

/// Nanoseconds of each of many runs of `work`; the least of some tries.
template <class Work>
double nanoseconds(Work const& work) {
  constexpr int num_runs = 100'000;
  double least = 1e9;
  for (int round = 0; round < 20; ++round) {
    auto const start = std::chrono::steady_clock::now();
    for (int i = 0; i < num_runs; ++i) {
      work();
    }
    std::chrono::duration<double, std::nano> const time = std::chrono::steady_clock::now() - start;
    least = std::min(least, time.count() / num_runs);
  }
  return least;
}

}  // namespace

TEST_CASE("a wait says where it is, and that it has ended") {
  RankState state;
  CallLog log{state, 3};
  CallGroup const group{&log, log.next_key(), "some group", 4};
  {
    WaitScope const waiting{group.enter("some call")};
    CHECK(state.waits == 1);
    CHECK(state.call.str() == "some call");
    CHECK(state.group_name.str() == "some group");
    CHECK(state.number == 1);
    CHECK(state.size == 4);
  }
  CHECK(state.waits == 0);
  CHECK(state.moves == 2);
  CHECK(group.count() == 1);
}

TEST_CASE("without a log nothing is written, and nothing fails") {
  CallGroup const nobody;
  WaitScope const waiting{nobody.enter("a call")};
  FileScope const reading{nullptr, "read", "a file"};
  PatienceScope const patience{nullptr};

  CHECK(nobody.count() == 0);
  CHECK(nobody.part(1, "part", 2).count() == 0);
}

TEST_CASE("a group that is left stays known until its place is needed") {
  RankState state;
  CallLog log{state, 0};
  CallGroup const root{&log, log.next_key(), "root", 1};
  {
    CallGroup const child = root.part(1, "child", 1);
    child.enter("a call");
  }
  CHECK(state.groups[1].has_left());
  CHECK(state.groups[1].calls() == 1);

  std::vector<CallGroup> many;
  for (std::uint64_t key = 2; key < 2 * RankState::max_groups; ++key) {
    many.push_back(root.part(key, "child", 1));  // more than there are places
  }

  CHECK_FALSE(state.groups[1].has_left());
  CHECK(many.back().enter("a call").group == 0);  // it is waited in, but not known
  many.clear();
  CHECK(root.part(1, "child", 1).enter("a call").group != 0);
}

TEST_CASE("long names and paths are cut") {
  RankState state;
  CallLog log{state, 0};
  std::string const path = std::string(300, 'a') + "/the/end.h5";
  FileScope const reading{&log, "a call whose name is much too long", path};

  CHECK(state.file_call.str() == "a call whose name is muc");
  CHECK(state.file.str() == path.substr(path.size() - 128));
  CHECK(state.files == 1);
}

TEST_CASE("last wishes are fulfilled while they are kept, and one that fails harms no other") {
  RankState state;
  CallLog log{state, 0};
  int fulfilled = 0;
  CallLog::WishScope const first{&log, [] { throw 1; }};
  {
    CallLog::WishScope const second{&log, [&] { ++fulfilled; }};
    log.fulfil_wishes();
  }
  log.fulfil_wishes();

  CHECK(fulfilled == 1);
}

// What the log costs, for README's figure; a step of a model has some tens of these a layer.
TEST_CASE("a call and a phase cost nanoseconds") {
  RankState state;
  CallLog log{state, 0};
  CallGroup const group{&log, log.next_key(), "tp", 4};
  CallText const phase = "attention";

  double const call = nanoseconds([&] { WaitScope const waiting{group.enter("tree sum")}; });
  double const switched = nanoseconds([&] { log.set_phase(phase); });

  std::cout << "a call: " << call << " ns, a phase: " << switched << " ns\n";
  CHECK(call < 1000.0);
  CHECK(switched < 1000.0);
}
