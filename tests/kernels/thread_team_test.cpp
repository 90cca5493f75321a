// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads/thread_team.hpp"

#include <atomic>
#include <chrono>
#include <vector>

#include "kernels/threads/cores.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

template <class Body>
TeamTask task_of(Body const& body) {
  return {[](void const* context, std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i) {
              (*static_cast<Body const*>(context))(i);
            }
          },
          &body};
}

/// How often each of `count` calls was made.
std::vector<int> calls_of(ThreadTeam& team, std::int64_t count) {
  std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
  auto const body = [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; };
  team.run(count, task_of(body));
  return {calls.begin(), calls.end()};
}

}  // namespace

TEST_CASE("a team calls a task once for each index, many times over") {
  TeamOptions options;
  options.num_threads = GENERATE(1, 2, 3, 5);
  options.spins = GENERATE(false, true);
  ThreadTeam team{options};
  CHECK(team.size() == options.num_threads);
  for (int round = 0; round < 300; ++round) {
    for (std::int64_t const count : {0, 1, 2, 3, 7, 100}) {
      REQUIRE(calls_of(team, count) == std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST_CASE("a thread that is done helps the others") {
  TeamOptions options;
  options.num_threads = 2;
  ThreadTeam team{options};
  std::atomic<int> num_calls = 0;
  // Half of the calls come to wait for all others: a fixed half each would never end.
  auto const body = [&](std::int64_t i) {
    ++num_calls;
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (i == 0 && num_calls < 15 && std::chrono::steady_clock::now() < deadline) {
    }
  };
  team.run(16, task_of(body));

  CHECK(num_calls == 16);
}

TEST_CASE("a team's workspace keeps the largest size") {
  ThreadTeam team{{}};
  float* const large = team.workspace(1000);
  CHECK(team.workspace(10) == large);
  CHECK(team.workspace(1000) == large);
}

TEST_CASE("a team needs a thread, and a core for each if any") {
  CHECK_THROWS_WITH(ThreadTeam({.num_threads = 0, .cores = {}}),
                    Catch::Matchers::ContainsSubstring("threads: 0 (must be at least 1)"));
  CHECK_THROWS_WITH(ThreadTeam({.num_threads = 3, .cores = {0, 1}}),
                    Catch::Matchers::ContainsSubstring("3 on 2 cores"));
}

TEST_CASE("processes that share cores get a part each, whole cores first") {
  std::vector<Core> const cores = {{0, 0}, {4, 1}, {1, 0}, {5, 1}, {2, 0}, {6, 1}, {3, 0}, {7, 1}};
  auto const numbers = [&](CoreShare share) {
    std::vector<int> result;
    for (Core const core : part_of(cores, share)) {
      result.push_back(core.number);
    }
    return result;
  };

  CHECK(numbers({0, 1}) == std::vector{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(numbers({0, 2}) == std::vector{0, 1, 4, 5});
  CHECK(numbers({1, 2}) == std::vector{2, 3, 6, 7});
  CHECK(numbers({2, 3}) == std::vector{3, 6, 7});
  CHECK(numbers({0, 9}).empty());
  CHECK(num_whole_cores(cores) == 4);
}
