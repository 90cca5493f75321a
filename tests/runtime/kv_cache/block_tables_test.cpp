// SPDX-License-Identifier: Apache-2.0
#include "runtime/kv_cache/block_tables.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace talus::runtime;  // NOLINT: tests only

namespace {

/// The blocks that a group really needs for a chunk [first, last), found position by position.
std::int64_t blocks_touched(std::int32_t window,
                            std::int32_t block_tokens,
                            std::int32_t first,
                            std::int32_t last) {
  std::int64_t count = 0;
  std::int32_t before = -1;
  for (std::int32_t p = window == 0 ? 0 : std::max(first - window + 1, 0); p < last; ++p) {
    count += p / block_tokens != before ? 1 : 0;
    before = p / block_tokens;
  }
  return count;
}

}  // namespace

TEST_CASE("no chunk of a sequence touches more blocks than it is said to") {
  auto const window = GENERATE(0, 1, 2, 3, 4, 5, 16, 17);
  auto const block_tokens = GENERATE(1, 4, 16);
  auto const chunk = GENERATE(1, 2, 7, 16, 50);
  CAPTURE(window, block_tokens, chunk);
  constexpr std::int32_t tokens = 60;
  KvGeometry const geometry{{window}, block_tokens};

  std::int64_t most = 0;
  for (std::int32_t first = 0; first < tokens; ++first) {
    std::int32_t const last = std::min(first + chunk, tokens);
    most = std::max(most, blocks_touched(window, block_tokens, first, last));
    if (window > 0 && first > 0) {
      // The first block kept is that of the first key seen.
      CHECK(geometry.first_block(0, first) == std::max(first - window + 1, 0) / block_tokens);
    }
  }

  CHECK(geometry.most_blocks(tokens, chunk) >= most);
  CHECK(geometry.most_blocks(tokens, chunk) <= most + 1);  // and not many more
}

TEST_CASE("the longest sequence that fits is the last one that needs no more blocks") {
  KvGeometry const geometry{{0, 32, 32}, 16};
  for (std::int64_t const blocks : {3, 20, 30, 64}) {
    std::int32_t const longest = geometry.longest(blocks, 64, 100'000);
    CAPTURE(blocks, longest);
    CHECK(geometry.most_blocks(longest, 64) <= blocks);
    CHECK(geometry.most_blocks(longest + 1, 64) > blocks);
  }
  CHECK(geometry.longest(2, 64, 100'000) == 0);
  CHECK(geometry.longest(1'000'000, 64, 1000) == 1000);
}

TEST_CASE("the position of the next release is the first one at which a block falls out") {
  KvGeometry const geometry{{0, 7, 12}, 4};
  for (std::int32_t position = 0; position < 60; ++position) {
    auto const changes = [&](std::int32_t to) {
      return geometry.first_block(1, to) != geometry.first_block(1, position) ||
             geometry.first_block(2, to) != geometry.first_block(2, position);
    };
    std::int32_t next = position;
    while (!changes(next)) {
      ++next;
    }
    CHECK(geometry.next_release(position) == next);
  }
}

TEST_CASE("tables of all groups grow together, or not at all") {
  KvGeometry const geometry{{0, 8}, 4};
  BlockPool pool{5};
  BlockTables tables;
  tables.reserve(geometry, 40);

  CHECK(tables.grow(pool, geometry, 8));
  CHECK(tables.num_held() == 4);
  CHECK_FALSE(tables.grow(pool, geometry, 9));
  CHECK(tables.capacity() == 8);
  CHECK(pool.num_free() == 1);
  CHECK(tables.table(0).size() == 2);
  CHECK(tables.table(1).size() == 2);

  tables.clear(pool);
  CHECK(pool.num_free() == 5);
  CHECK(tables.num_held() == 0);
}

TEST_CASE("a window gives its blocks back, and tables keep their places") {
  KvGeometry const geometry{{0, 8}, 4};
  BlockPool pool{20};
  BlockTables tables;
  tables.reserve(geometry, 40);
  REQUIRE(tables.grow(pool, geometry, 20));

  tables.release_before(pool, geometry, 10);  // sees 3 and later
  CHECK(tables.num_held() == 10);
  tables.release_before(pool, geometry, 11);  // sees 4 and later
  CHECK(tables.num_held() == 9);
  tables.release_before(pool, geometry, 20);  // sees 13 and later
  CHECK(tables.num_held() == 7);
  CHECK(tables.table(1).size() == 5);
  CHECK(tables.table(1)[2] == no_block);
  CHECK(tables.table(1)[3] != no_block);
  CHECK(pool.num_free() == 13);

  CHECK(tables.covers(geometry, 20));
  CHECK(tables.covers(geometry, 19));
  CHECK_FALSE(tables.covers(geometry, 18));  // sees 11
}

TEST_CASE("shared blocks are free when both owners are done with them") {
  KvGeometry const geometry{{0, 8}, 4};
  BlockPool pool{20};
  BlockTables first;
  BlockTables second;
  first.reserve(geometry, 40);
  second.reserve(geometry, 40);
  REQUIRE(first.grow(pool, geometry, 20));

  second.share(pool, geometry, first, 4, 17);  // the window shows 10 and later
  CHECK(second.num_held() == 6);
  CHECK(second.num_charged() == 4);  // those of the group without a window
  CHECK(second.table(1)[1] == no_block);
  CHECK(second.table(1)[2] == first.table(1)[2]);
  REQUIRE(second.grow(pool, geometry, 18));
  CHECK(second.num_charged() == 6);
  CHECK(pool.num_free() == 8);

  BlockId const shared = first.table(1)[2];
  CHECK(pool.owners(shared) == 2);
  first.release_before(pool, geometry, 20);
  CHECK(pool.owners(shared) == 1);
  CHECK(second.num_sole(pool) == 3);
  second.release_before(pool, geometry, 20);
  CHECK(pool.owners(shared) == 0);
  first.clear(pool);
  CHECK(second.num_sole(pool) == second.num_held());
  second.clear(pool);
  CHECK(pool.num_free() == 20);
}
