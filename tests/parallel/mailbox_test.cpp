// SPDX-License-Identifier: Apache-2.0
#include "parallel/mailbox.hpp"

#include <map>
#include <vector>

#include "parallel/collectives.hpp"
#include "parallel/progress.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

using Message = std::vector<std::byte>;

// Number `number` of a rank: some empty, some far beyond what MPI sends without a receiver.
Message message(int rank, int number) {
  std::size_t const size = static_cast<std::size_t>(number % 4) * 40'000;
  return Message(size, static_cast<std::byte>(7 * rank + number));
}

}  // namespace

TEST_CASE("every message comes to rank 0 whole, in the order of its sender") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Mailbox box{comm};
  constexpr int num_messages = 40;
  std::map<int, std::vector<Message>> read;
  auto const reader = [&](int sender, Message&& text) { read[sender].push_back(std::move(text)); };

  for (int number = 0; number < num_messages; ++number) {
    box.send(0, message(comm.rank(), number));
    if (comm.rank() == 0) {
      box.drain(reader);
    }
  }
  box.close(reader);

  CHECK(read.size() == (comm.rank() == 0 ? static_cast<std::size_t>(comm.size()) : 0));
  for (auto const& [sender, texts] : read) {
    REQUIRE(texts.size() == num_messages);
    for (int number = 0; number < num_messages; ++number) {
      CHECK(texts[static_cast<std::size_t>(number)] == message(sender, number));
    }
  }
  CHECK(box.progress() == 0);
}

TEST_CASE("draining an empty box finds nothing and does not wait") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Mailbox box{comm};
  auto const reader = [](int, Message&&) { FAIL("nobody has written"); };

  if (comm.rank() == 0) {
    CHECK(box.drain(reader) == 0);
  }
  box.close(reader);
}

TEST_CASE("a large message is on its way until rank 0 reads it") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Mailbox box{comm};
  Message const large(std::size_t{1} << 22U, std::byte{5});
  std::int64_t num_read = 0;

  if (comm.rank() != 0) {
    box.send(0, large);
    CHECK(box.progress() == 1);
  }
  barrier(comm);  // nothing was read before
  Backoff backoff;
  while (comm.rank() == 0 && num_read < comm.size() - 1) {
    num_read += box.drain([&](int, Message&& text) { CHECK(text == large); });
    backoff.pause();
  }
  box.close([](int, Message&&) { FAIL("all was read"); });
}

TEST_CASE("every rank may write to every other, and read while it does") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Mailbox box{comm};
  constexpr int num_messages = 8;
  std::map<int, std::vector<Message>> read;
  auto const reader = [&](int sender, Message&& text) { read[sender].push_back(std::move(text)); };

  for (int number = 0; number < num_messages; ++number) {
    for (int to = 0; to < comm.size(); ++to) {
      box.send(to, message(comm.rank(), number + to));
      box.drain(reader);
    }
  }
  box.close(reader);

  CHECK(read.size() == static_cast<std::size_t>(comm.size()));
  for (auto const& [sender, texts] : read) {
    REQUIRE(texts.size() == num_messages);
    for (int number = 0; number < num_messages; ++number) {
      CHECK(texts[static_cast<std::size_t>(number)] == message(sender, number + comm.rank()));
    }
  }
}

TEST_CASE("a reader may answer") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Mailbox box{comm};
  int num_asked = 0;
  int num_answers = 0;
  auto const reader = [&](int sender, Message&& text) {
    if (text.size() == 1) {
      box.send(sender, Message(2));
      ++num_asked;
    } else {
      ++num_answers;
    }
  };

  box.send((comm.rank() + 1) % comm.size(), Message(1));
  Backoff backoff;
  while (num_asked < 1 || num_answers < 1) {
    box.drain(reader);
    backoff.pause();
  }
  box.close(reader);

  CHECK(num_answers == 1);
}
