// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <thread>

#include "io/trace/spsc_queue.hpp"

#include "tests/support/catch.hpp"

using talus::io::SpscQueue;

TEST_CASE("a queue gives back what was put in, in order") {
  SpscQueue<int> queue{4};

  REQUIRE(queue.push(1));
  REQUIRE(queue.push(2));
  int item = 0;
  REQUIRE(queue.pop(item));
  CHECK(item == 1);
  REQUIRE(queue.pop(item));
  CHECK(item == 2);
  CHECK_FALSE(queue.pop(item));
  CHECK(item == 2);
}

TEST_CASE("a full queue refuses, and takes again once something was taken out") {
  SpscQueue<int> queue{3};  // rounded up
  REQUIRE(queue.capacity() == 4);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(queue.push(i));
  }

  CHECK_FALSE(queue.push(4));
  int item = -1;
  REQUIRE(queue.pop(item));
  CHECK(item == 0);
  CHECK(queue.push(5));
  CHECK_FALSE(queue.push(6));
}

TEST_CASE("a queue of one item works, many times around") {
  SpscQueue<int> queue{1};
  int item = 0;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(queue.push(i));
    REQUIRE_FALSE(queue.push(i));
    REQUIRE(queue.pop(item));
    REQUIRE(item == i);
    REQUIRE_FALSE(queue.pop(item));
  }
}

TEST_CASE("two threads lose nothing and tear nothing") {
  // Wider than a word, so that a torn copy would show.
  using Item = std::array<std::uint64_t, 8>;
  constexpr std::uint64_t num_items = 200'000;
  SpscQueue<Item> queue{64};

  std::thread producer{[&queue] {
    for (std::uint64_t i = 0; i < num_items; ++i) {
      Item item;
      item.fill(i);
      while (!queue.push(item)) {
        std::this_thread::yield();
      }
    }
  }};
  std::uint64_t num_wrong = 0;
  for (std::uint64_t i = 0; i < num_items; ++i) {
    Item item;
    while (!queue.pop(item)) {
      std::this_thread::yield();
    }
    Item expected;
    expected.fill(i);
    num_wrong += item != expected ? 1U : 0U;
  }
  producer.join();

  CHECK(num_wrong == 0);
}
