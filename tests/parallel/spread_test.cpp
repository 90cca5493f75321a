// SPDX-License-Identifier: Apache-2.0
#include "parallel/spread.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "parallel/collectives.hpp"
#include "parallel/communicator.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}

}  // namespace

TEST_CASE("equal blocks come to all ranks, whatever their number") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::size_t const count = GENERATE(as<std::size_t>{}, 0, 1, 3);
  std::vector<std::int32_t> all(count * index(comm.size()), -1);
  for (std::size_t i = 0; i < count; ++i) {
    all[index(comm.rank()) * count + i] = 10 * comm.rank() + static_cast<int>(i);
  }

  spread_equal(comm, reinterpret_cast<std::byte*>(all.data()), count, MPI_INT32_T, {});

  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i] == static_cast<int>(10 * (i / count) + i % count));
  }
}

TEST_CASE("blocks of any size come to all ranks, one exchange after the other") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  std::vector<int> counts(index(comm.size()));
  std::vector<int> offsets(counts.size());
  for (int round = 0; round < 5; ++round) {
    for (int rank = 0; rank < comm.size(); ++rank) {
      counts[index(rank)] = (rank + round) % 3;
    }
    std::vector<std::int64_t> all(index(pack_blocks(counts, offsets)), -1);
    for (int i = 0; i < counts[index(comm.rank())]; ++i) {
      all[index(offsets[index(comm.rank())] + i)] = 100 * round + comm.rank();
    }

    spread(comm,
           reinterpret_cast<std::byte*>(all.data()),
           {counts, offsets},
           MPI_INT64_T,
           CallTicket{});

    std::vector<std::int64_t> expected;
    for (int rank = 0; rank < comm.size(); ++rank) {
      expected.insert(expected.end(), index(counts[index(rank)]), 100 * round + rank);
    }
    CHECK(all == expected);
  }
}

TEST_CASE("blocks with gaps or in another order are told from packed ones") {
  std::vector<int> const counts{1, 0, 2};

  CHECK(are_packed({counts, std::vector{0, 1, 1}}));
  CHECK_FALSE(are_packed({counts, std::vector{0, 2, 2}}));
  CHECK_FALSE(are_packed({counts, std::vector{2, 2, 0}}));
}
