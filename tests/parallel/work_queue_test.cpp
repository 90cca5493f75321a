// SPDX-License-Identifier: Apache-2.0
#include "parallel/work_queue.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using namespace std::chrono_literals;

namespace {

// The first items of all that ranks took, on every rank, ascending.
std::vector<std::int64_t> gathered(Communicator const& comm,
                                   std::vector<std::int64_t> const& mine) {
  int const my_count = static_cast<int>(mine.size());
  std::vector<int> counts(static_cast<std::size_t>(comm.size()));
  std::vector<int> offsets(counts.size());
  all_gather(comm, std::span{&my_count, 1}, std::span{counts});
  std::vector<std::int64_t> all(static_cast<std::size_t>(pack_blocks(counts, offsets)));
  all_gather_v(comm, mine, std::span{all}, {counts, offsets});
  std::sort(all.begin(), all.end());
  return all;
}

// What works between these ranks: everything on one host, else at least messages to rank 0's
// thread.
std::vector<QueueMethod> possible_methods(Communicator const& comm) {
  if (all_agree(comm, comm.split_by_node().size() == comm.size())) {
    return {QueueMethod::shared_memory, QueueMethod::window, QueueMethod::service};
  }
  return {QueueMethod::service};
}

}  // namespace

TEST_CASE("every item is taken once, by whoever comes, with every method") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto const methods = possible_methods(comm);
  WorkQueue queue{comm, GENERATE_COPY(from_range(methods))};
  constexpr std::int64_t num_items = 300;
  constexpr std::int64_t batch = 3;

  std::vector<std::int64_t> mine;
  for (std::int64_t first = queue.take(batch); first < num_items; first = queue.take(batch)) {
    mine.push_back(first);
  }

  std::vector<std::int64_t> const taken = gathered(comm, mine);
  REQUIRE(taken.size() == num_items / batch);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    CHECK(taken[i] == static_cast<std::int64_t>(i) * batch);
  }
}

TEST_CASE("items come in order to each rank, and different counts leave no gap") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto const methods = possible_methods(comm);
  WorkQueue queue{comm, GENERATE_COPY(from_range(methods))};
  std::int64_t last = -1;
  std::vector<std::int64_t> mine;

  for (std::int64_t count = 0; count < 10; ++count) {
    std::int64_t const first = queue.take(count);
    CHECK(first >= last);
    last = first + count;
    for (std::int64_t item = first; item < last; ++item) {
      mine.push_back(item);
    }
  }

  std::vector<std::int64_t> const taken = gathered(comm, mine);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    CHECK(taken[i] == static_cast<std::int64_t>(i));
  }
}

TEST_CASE("nobody waits for a rank 0 that computes") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  WorkQueue queue{comm};  // the method that is chosen; and the one for several hosts
  WorkQueue served{comm, QueueMethod::service};
  barrier(comm);

  auto const start = std::chrono::steady_clock::now();
  if (comm.rank() == 0) {
    std::this_thread::sleep_for(1s);
  } else {
    static_cast<void>(queue.take(1));
    static_cast<void>(served.take(1));
  }
  auto const waited = std::chrono::steady_clock::now() - start;

  CHECK((comm.rank() == 0 || waited < 800ms));
  barrier(comm);
}

TEST_CASE("a queue can be moved") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto const methods = possible_methods(comm);
  QueueMethod const method = GENERATE_COPY(from_range(methods));
  WorkQueue first{comm, method};
  WorkQueue const second = std::move(first);

  CHECK(second.method() == method);
}

TEST_CASE("a method that cannot work between hosts is refused, and another chosen") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  bool const one_host = possible_methods(comm).size() > 1;

  WorkQueue const chosen{comm};

  CHECK((chosen.method() == QueueMethod::shared_memory) == one_host);
  if (!one_host) {
    CHECK_THROWS_AS((WorkQueue{comm, QueueMethod::shared_memory}), talus::ConfigError);
  }
}

TEST_CASE("a rank that fails does not wait for the others when its queue is destroyed") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (QueueMethod const method : possible_methods(comm)) {
    if (method == QueueMethod::window) {
      continue;  // MPICH's transport aborts at the end if a window over it was leaked
    }
    // A thread that serves must not outlive MPI, so the rank that has it may not be a survivor.
    bool const rank_zero_fails = method == QueueMethod::service;
    int const failing = rank_zero_fails ? 0 : comm.size() - 1;
    auto queue = std::make_unique<WorkQueue>(comm, method);
    auto const fail = [&] {
      std::unique_ptr<WorkQueue> const dies_with_it = std::move(queue);
      throw std::runtime_error{"out of luck"};
    };

    if (comm.rank() == failing) {
      CHECK_THROWS_AS(fail(), std::runtime_error);
    } else {
      static_cast<void>(queue.release());  // the others never come to its end
    }
  }
}
