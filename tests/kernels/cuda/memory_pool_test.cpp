// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/memory_pool.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/catch.hpp"

using talus::kernels::cuda::MemoryPool;

TEST_CASE("a pool gives aligned pieces that don't overlap, until it is empty") {
  MemoryPool pool{1000};  // three whole pieces

  CHECK(pool.size() == 768);
  CHECK(pool.take(1) == 0);
  CHECK(pool.take(256) == 256);
  CHECK(pool.take(257) == std::nullopt);
  CHECK(pool.take(255) == 512);
  CHECK(pool.take(1) == std::nullopt);
  CHECK(pool.used() == 768);
  CHECK(pool.num_taken() == 3);
}

TEST_CASE("free neighbours join, before and behind") {
  MemoryPool pool{4 * 256};
  for (int i = 0; i < 4; ++i) {
    REQUIRE(pool.take(200).has_value());
  }
  pool.give_back(0);
  pool.give_back(512);
  CHECK(pool.largest_free() == 256);
  pool.give_back(256);
  CHECK(pool.largest_free() == 768);
  pool.give_back(768);

  CHECK(pool.largest_free() == 1024);
  CHECK(pool.used() == 0);
  CHECK(pool.most_used() == 1024);
  CHECK(pool.take(1024) == 0);
}

TEST_CASE("an empty pool, and more than there is") {
  MemoryPool empty{255};
  CHECK(empty.size() == 0);
  CHECK(empty.take(1) == std::nullopt);
  CHECK(empty.largest_free() == 0);
  CHECK(MemoryPool{512}.take(std::int64_t{1} << 62) == std::nullopt);
}

TEST_CASE("pieces never overlap, whatever is taken and given back") {
  struct Piece {
    std::int64_t offset;
    std::int64_t bytes;
  };

  MemoryPool pool{64 * 256};
  std::vector<Piece> pieces;
  std::mt19937 engine{5};
  for (int step = 0; step < 4000; ++step) {
    std::int64_t const bytes = 1 + static_cast<std::int64_t>(engine() % 1500);
    std::int64_t const largest = pool.largest_free();
    auto const offset = engine() % 2 == 0 ? pool.take(bytes) : std::nullopt;
    if (offset) {
      for (Piece const& other : pieces) {
        REQUIRE((*offset + bytes <= other.offset || other.offset + other.bytes <= *offset));
      }
      REQUIRE((*offset % MemoryPool::alignment == 0 && *offset + bytes <= pool.size()));
      REQUIRE(bytes <= largest);
      pieces.push_back({*offset, bytes});
    } else if (!pieces.empty()) {
      std::swap(pieces[engine() % pieces.size()], pieces.back());
      pool.give_back(pieces.back().offset);
      pieces.pop_back();
    }
  }
  for (Piece const& piece : pieces) {
    pool.give_back(piece.offset);
  }
  CHECK(pool.largest_free() == pool.size());
}
