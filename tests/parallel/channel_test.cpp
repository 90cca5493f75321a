// SPDX-License-Identifier: Apache-2.0
#include "parallel/channel.hpp"

#include <chrono>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using namespace std::chrono_literals;

namespace {

std::vector<float> message(int number, std::size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), static_cast<float>(1000 * number));
  return values;
}

std::size_t size_of(int number) {
  return static_cast<std::size_t>(37 * number % 5000);
}

}  // namespace

TEST_CASE("messages go through a pipeline of stages in order, more of them than slots") {
  Communicator const stages = Communicator::duplicate(MPI_COMM_WORLD);
  int const slots = GENERATE(1, 2, 4);
  bool const is_first = stages.rank() == 0;
  bool const is_last = stages.rank() == stages.size() - 1;
  std::optional<Receiver> from;
  std::optional<Sender> to;
  if (!is_first) {
    from.emplace(
        stages,
        ChannelOptions{.peer = stages.rank() - 1, .max_elements = 5000, .num_slots = slots});
  }
  if (!is_last) {
    to.emplace(stages,
               ChannelOptions{.peer = stages.rank() + 1, .max_elements = 5000, .num_slots = slots});
  }

  for (int number = 0; number < 100; ++number) {
    std::vector<float> values = message(number, size_of(number));
    if (from) {
      std::fill(values.begin(), values.end(), -1.0F);
      CHECK(from->receive(values) >= 0.0);
    }
    if (to) {
      to->send(values);
    }
    CHECK(values == message(number, size_of(number)));
  }
  if (to) {
    to->finish();
  }
}

TEST_CASE("sends return before anybody receives, as long as there are slots") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  int const self = comm.rank();  // the two ends of one process: a wait would never end
  constexpr std::size_t large = 100'000;
  Sender to{comm, {.peer = self, .max_elements = large, .num_slots = 3}};

  for (int number = 0; number < 3; ++number) {
    to.send(message(number, large));
  }
  Receiver from{comm, {.peer = self, .max_elements = large, .num_slots = 3}};
  for (int number = 0; number < 3; ++number) {
    std::vector<float> values(large);
    from.receive(values);
    CHECK(values == message(number, large));
  }
  to.finish();
}

TEST_CASE("a slot may be written in place, and readiness is seen without receiving") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Receiver from{comm, {.peer = comm.rank(), .max_elements = 8}};
  Sender to{comm, {.peer = comm.rank(), .max_elements = 8}};
  CHECK_FALSE(from.is_ready());

  std::span<float> const slot = to.next_slot(2);
  slot[0] = 1.5F;
  slot[1] = 2.5F;
  to.send_slot(2);
  to.finish();
  while (!from.is_ready()) {
    std::this_thread::yield();
  }
  std::vector<float> values(2);
  from.receive(values);

  CHECK(values == std::vector{1.5F, 2.5F});
}

TEST_CASE("the receiver says how long it waited") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  if (comm.size() == 1) {
    SUCCEED("nobody to wait for");
    return;
  }
  constexpr std::size_t size = 4;
  int const last = comm.size() - 1;
  if (comm.rank() == 0) {
    Sender to{comm, {.peer = last, .max_elements = size}};
    barrier(comm);
    std::this_thread::sleep_for(100ms);
    to.send(message(1, size));
    to.finish();
  } else if (comm.rank() == last) {
    Receiver from{comm, {.peer = 0, .max_elements = size}};
    barrier(comm);
    std::vector<float> values(size);
    CHECK(from.receive(values) > 0.05);
  } else {
    barrier(comm);
  }
}

TEST_CASE("a message of another size than expected is an error") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Receiver from{comm, {.peer = comm.rank(), .max_elements = 8}};
  Sender to{comm, {.peer = comm.rank(), .max_elements = 8}};
  to.send(message(1, 5));
  to.finish();
  std::vector<float> values(4);

  CHECK_THROWS_WITH(from.receive(values),
                    Catch::Matchers::StartsWith("channel: a message of 5 elements"));
}

TEST_CASE("a channel larger than an MPI count is refused") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);

  CHECK_THROWS_AS((Receiver{comm, {.max_elements = std::size_t{1} << 31U}}), talus::ConfigError);
}
