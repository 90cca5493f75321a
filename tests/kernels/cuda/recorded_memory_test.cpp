// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/recorded_memory.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;                 // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only

namespace {

std::vector<std::byte> array_of(std::size_t bytes, int value) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(value));
}

}  // namespace

TEST_CASE("scratch memory of recorded operations is the same for all of them") {
  MemoryPool pool{1 << 20};
  auto const scratch = std::make_shared<PoolRange const>(pool, 1024);
  RecordedMemory first{pool, scratch};
  RecordedMemory second{pool, scratch};

  CHECK(first.take_scratch(1) == scratch->offset());
  CHECK(first.take_scratch(700) == scratch->offset() + 256);
  CHECK_THROWS_AS(first.take_scratch(1), OutOfMemory);
  first.end_operation();
  CHECK(first.take_scratch(1024) == scratch->offset());
  CHECK(second.take_scratch(1024) == scratch->offset());
  CHECK_THROWS_AS((RecordedMemory{pool, nullptr}.take_scratch(1)), OutOfMemory);
}

TEST_CASE(
    "arrays of a recording have places of their own, and their bytes are there to be copied") {
  MemoryPool pool{4 << 20};
  RecordedMemory memory{pool, nullptr};
  std::vector<std::int64_t> const sizes{1, 256, 100'000, 200'000, 700'000, 3};
  std::vector<std::int64_t> offsets;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    auto const array = array_of(static_cast<std::size_t>(sizes[i]), static_cast<int>(i + 1));
    offsets.push_back(memory.keep(array));
  }

  for (std::size_t i = 0; i < sizes.size(); ++i) {
    CHECK(offsets[i] % RecordedMemory::alignment == 0);
    bool is_there = false;
    for (RecordedMemory::Chunk const& chunk : memory.chunks()) {
      std::int64_t const first = offsets[i] - chunk.range->offset();
      if (first < 0 || first + sizes[i] > std::ssize(chunk.bytes)) {
        continue;
      }
      CHECK(std::ssize(chunk.bytes) <= chunk.range->bytes());
      auto const begin = chunk.bytes.begin() + first;
      is_there = std::all_of(begin, begin + sizes[i], [i](std::byte value) {
        return value == static_cast<std::byte>(i + 1);
      });
    }
    CHECK(is_there);
  }
}

TEST_CASE("a recording gives its memory back to the pool") {
  MemoryPool pool{1 << 20};
  {
    RecordedMemory memory{pool, std::make_shared<PoolRange const>(pool, 5000)};
    static_cast<void>(memory.keep(array_of(10, 1)));
    CHECK(pool.used() > 5000);
  }
  CHECK(pool.used() == 0);
  RecordedMemory memory{pool, nullptr};
  CHECK_THROWS_AS(memory.keep(array_of(2 << 20, 1)), OutOfMemory);
}
