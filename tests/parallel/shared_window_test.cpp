// SPDX-License-Identifier: Apache-2.0
#include "parallel/shared_window.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "parallel/collectives.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

TEST_CASE("each rank reads what the others wrote into their parts") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  Communicator const node = world.split_by_node();
  auto const size_of = [](int rank) { return static_cast<std::size_t>(rank * 5000); };
  std::optional<SharedWindow> window = SharedWindow::allocate(node, size_of(node.rank()));
  REQUIRE(window.has_value());

  for (std::byte& byte : window->part(node.rank())) {
    byte = static_cast<std::byte>(node.rank() + 1);
  }
  window->publish(node);

  for (int rank = 0; rank < node.size(); ++rank) {
    std::span<std::byte const> const part = window->part(rank);
    REQUIRE(part.size() >= size_of(rank));
    CHECK(reinterpret_cast<std::uintptr_t>(part.data()) % 4096 == 0);
    CHECK(std::ranges::all_of(
        part, [&](std::byte byte) { return byte == static_cast<std::byte>(rank + 1); }));
  }
  barrier(node);
}

TEST_CASE("more shared memory than a machine can have is refused on all ranks") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  constexpr std::size_t too_much = std::size_t{1} << 50U;

  CHECK_FALSE(SharedWindow::allocate(world, world.rank() == 0 ? too_much : 1).has_value());
}

TEST_CASE("ranks of several nodes share no memory") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);

  CHECK(SharedWindow::allocate(world, 1).has_value() == is_one_node(world));
}
