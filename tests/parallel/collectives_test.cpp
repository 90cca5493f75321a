// SPDX-License-Identifier: Apache-2.0
#include "parallel/collectives.hpp"

#include <chrono>
#include <climits>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "parallel/gather_values.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

Communicator world() {
  return Communicator::duplicate(MPI_COMM_WORLD);
}

std::size_t index(int rank) {
  return static_cast<std::size_t>(rank);
}

// Rank r has r % 3 elements, some of them none.
std::vector<int> uneven_counts(int ranks) {
  std::vector<int> counts(index(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    counts[index(rank)] = rank % 3;
  }
  return counts;
}

std::vector<std::byte> as_bytes(std::string const& text) {
  auto const bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("all_reduce sums integers, and finds extremes of any number") {
  Communicator const comm = world();
  std::int64_t const ranks = comm.size();
  std::vector<std::int64_t> sums{comm.rank(), 1, -comm.rank()};

  all_reduce(comm, std::span{sums}, ReduceOp::sum);

  CHECK(sums == std::vector{ranks * (ranks - 1) / 2, ranks, -ranks * (ranks - 1) / 2});
  CHECK(all_reduce(comm, 0.5F * static_cast<float>(comm.rank()), ReduceOp::max) ==
        0.5F * static_cast<float>(ranks - 1));
  CHECK(all_reduce(comm, -2.0 * comm.rank(), ReduceOp::min) == -2.0 * (comm.size() - 1));
  CHECK(all_reduce(comm, static_cast<std::uint8_t>(comm.rank() + 3), ReduceOp::min) == 3);
}

TEST_CASE("a broadcast reaches every rank from every root") {
  Communicator const comm = world();
  int const ranks = comm.size();
  int const root = GENERATE_COPY(range(0, ranks));
  std::vector<std::uint16_t> values(1000);
  if (comm.rank() == root) {
    std::iota(values.begin(), values.end(), static_cast<std::uint16_t>(root));
  }

  broadcast(comm, std::span{values}, root);

  CHECK(values.front() == root);
  CHECK(values.back() == root + 999);
}

TEST_CASE("started broadcasts overlap and end in any order") {
  Communicator const comm = world();
  std::vector<std::int32_t> first(8, comm.rank());
  std::vector<std::int32_t> second(8, comm.rank());
  int const last_rank = comm.size() - 1;

  Request one = start_broadcast(comm, std::span{first}, 0);
  Request two = start_broadcast(comm, std::span{second}, last_rank);
  two.wait();
  one.wait();

  CHECK_FALSE(one.is_pending());
  CHECK(first == std::vector<std::int32_t>(8, 0));
  CHECK(second == std::vector<std::int32_t>(8, last_rank));
}

TEST_CASE("broadcast_bytes brings messages of a size that only the root knows") {
  Communicator const comm = world();
  std::string const text = GENERATE(as<std::string>{}, "", "a", "plan of a step");
  std::vector<std::byte> bytes = comm.rank() == 0 ? as_bytes(text) : as_bytes("what was before");

  broadcast_bytes(comm, bytes, 0);

  CHECK(bytes == as_bytes(text));
}

TEST_CASE("all_gather orders equal parts by rank") {
  Communicator const comm = world();
  std::vector<float> const mine(3, static_cast<float>(comm.rank()));
  std::vector<float> all(3 * index(comm.size()), -1.0F);

  all_gather(comm, mine, std::span{all});

  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i] == static_cast<float>(i / 3));
  }
}

TEST_CASE("all_gather_v keeps parts of any size where the layout says") {
  Communicator const comm = world();
  std::vector<int> const counts = uneven_counts(comm.size());
  std::vector<int> offsets(counts.size());
  auto const total = static_cast<std::size_t>(pack_blocks(counts, offsets));
  std::vector<std::int32_t> const mine(index(counts[index(comm.rank())]), 10 + comm.rank());
  std::vector<std::int32_t> all(total, -1);

  all_gather_v(comm, mine, std::span{all}, {counts, offsets});

  std::vector<std::int32_t> expected;
  for (int rank = 0; rank < comm.size(); ++rank) {
    expected.insert(expected.end(), index(counts[index(rank)]), 10 + rank);
  }
  CHECK(all == expected);
}

TEST_CASE("all_to_all_v takes each block to its rank") {
  Communicator const comm = world();
  // Rank s sends (s + r) % 3 elements of value 100 s + r to rank r; the counts travel first.
  std::vector<int> send_counts(index(comm.size()));
  std::vector<float> send;
  for (int rank = 0; rank < comm.size(); ++rank) {
    send_counts[index(rank)] = (comm.rank() + rank) % 3;
    send.insert(
        send.end(), index(send_counts[index(rank)]), static_cast<float>(100 * comm.rank() + rank));
  }
  std::vector<int> receive_counts(send_counts.size());
  all_to_all(comm, send_counts, std::span{receive_counts});
  std::vector<int> send_offsets(send_counts.size());
  std::vector<int> receive_offsets(send_counts.size());
  pack_blocks(send_counts, send_offsets);
  std::vector<float> received(index(pack_blocks(receive_counts, receive_offsets)));

  all_to_all_v(comm,
               send,
               {send_counts, send_offsets},
               std::span{received},
               {receive_counts, receive_offsets});

  std::vector<float> expected;
  for (int rank = 0; rank < comm.size(); ++rank) {
    expected.insert(expected.end(),
                    index((rank + comm.rank()) % 3),
                    static_cast<float>(100 * rank + comm.rank()));
  }
  CHECK(received == expected);
}

TEST_CASE("gather_bytes brings each rank's bytes to the root, and nothing elsewhere") {
  Communicator const comm = world();
  int const ranks = comm.size();
  int const root = GENERATE_COPY(range(0, ranks));
  std::string const mine(index(comm.rank()), 'x');

  auto const parts = gather_bytes(comm, std::as_bytes(std::span{mine}), root);

  REQUIRE(parts.size() == (comm.rank() == root ? index(comm.size()) : 0));
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    CHECK(parts[rank] == as_bytes(std::string(rank, 'x')));
  }
}

TEST_CASE("gather_values brings any number of values of each rank to rank 0, in order") {
  Communicator const comm = world();
  std::vector<int> const counts = uneven_counts(comm.size());
  std::vector<std::int64_t> const mine(index(counts[index(comm.rank())]), 7 + comm.rank());

  auto const all = gather_values<std::int64_t>(comm, mine);

  std::vector<std::int64_t> expected;
  for (int rank = 0; rank < comm.size() && comm.rank() == 0; ++rank) {
    expected.insert(expected.end(), index(counts[index(rank)]), 7 + rank);
  }
  CHECK(all == expected);
}

TEST_CASE("nobody leaves a barrier before all have come") {
  Communicator const comm = world();
  auto const now = [] {
    return std::chrono::steady_clock::now().time_since_epoch().count();  // one clock for the host
  };
  std::this_thread::sleep_for(comm.rank() * std::chrono::milliseconds{10});

  std::int64_t const came = now();
  barrier(comm);
  std::int64_t const left = now();

  CHECK(all_reduce(comm, left, ReduceOp::min) >= all_reduce(comm, came, ReduceOp::max));
}

TEST_CASE("a count beyond MPI's is refused with its value") {
  CHECK(checked_count(INT_MAX, "broadcast") == INT_MAX);
  CHECK_THROWS_WITH(checked_count(3'000'000'000, "broadcast"),
                    Catch::Matchers::StartsWith("broadcast: 3000000000 elements (an MPI count"));
  std::vector<int> offsets(2);
  CHECK_THROWS_AS(pack_blocks(std::vector{INT_MAX, 1}, offsets), talus::ConfigError);
}
