// SPDX-License-Identifier: Apache-2.0
#include "parallel/watchdog.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "parallel/collectives.hpp"
#include "parallel/progress.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using namespace std::chrono_literals;

namespace {

/// A watchdog whose bark is kept, and what the ranks were told before.
class Kennel {
 public:
  explicit Kennel(double limit_s)
      : dog_{MPI_COMM_WORLD,
             {limit_s,
              [this](std::span<std::string const> lines) {
                std::lock_guard const lock{mutex_};
                for (std::string const& line : lines) {
                  text_ += line + '\n';
                }
              }}},
        wish_{&dog_.log(), [this] { is_told_ = true; }} {}

  [[nodiscard]] CallLog* log() { return &dog_.log(); }

  /// Whether somebody has barked.
  [[nodiscard]] bool is_told() const { return is_told_; }

  /// Until somebody has barked, in no call and asleep.
  void sleep_until_told() const {
    while (!is_told_) {
      std::this_thread::sleep_for(2ms);
    }
  }

  /// What the ranks of `comm` have said in all, on each. Collective.
  [[nodiscard]] std::string said(Communicator const& comm) {
    // The one that barks does it after the others were told.
    for (int has_text = 0; has_text == 0;) {
      std::this_thread::sleep_for(2ms);
      std::lock_guard const lock{mutex_};
      has_text = all_reduce(comm, text_.empty() ? 0 : 1, ReduceOp::max);
    }
    std::lock_guard const lock{mutex_};
    std::string all;
    for (int rank = 0; rank < comm.size(); ++rank) {
      auto const mine = std::as_bytes(std::span{text_});
      std::vector<std::byte> bytes(mine.begin(), mine.end());
      broadcast_bytes(comm, bytes, rank);
      for (std::byte const byte : bytes) {
        all += static_cast<char>(byte);
      }
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::string text_;
  std::atomic<bool> is_told_ = false;
  Watchdog dog_;
  CallLog::WishScope wish_;
};

bool has(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

constexpr double limit_s = 3.0;

}  // namespace

TEST_CASE("a rank that does not come to a collective is named with it") {
  Communicator const plain = Communicator::duplicate(MPI_COMM_WORLD);
  Kennel kennel{limit_s};
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD, kennel.log(), "everybody");
  int const late = comm.size() / 2;
  kennel.log()->set_layer(3);
  barrier(comm);

  if (comm.rank() == late) {
    kennel.sleep_until_told();
  }
  static_cast<void>(all_reduce(comm, 1, ReduceOp::sum));
  std::string const text = kennel.said(plain);

  INFO(text);
  CHECK(has(text, "rank " + std::to_string(late) + " on "));
  if (comm.size() > 1) {
    CHECK(has(text, "wait"));
    CHECK(has(text, "for rank " + std::to_string(late)));
    CHECK(has(text, "all_reduce #2 of everybody"));
    CHECK(has(text, "layer 3"));
  }
}

TEST_CASE(
    "a rank that leaves a collective out is named, where it waits and where it is waited for") {
  Communicator const plain = Communicator::duplicate(MPI_COMM_WORLD);
  if (plain.size() == 1) {
    return;
  }
  Kennel kennel{limit_s};
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD, kennel.log(), "everybody");
  Communicator const other = comm.duplicate("others");
  int const leaver = comm.size() - 1;

  if (comm.rank() == leaver) {
    // What a barrier of the other group would do; the test ends it.
    WaitScope const waiting{other.calls().enter("barrier")};
    kennel.sleep_until_told();
  } else {
    other.calls().count_up();  // so that all count the same in the end
  }
  std::vector<int> all(static_cast<std::size_t>(comm.size()));
  all_gather(comm, std::span{&leaver, 1}, std::span{all});
  std::string const text = kennel.said(plain);

  INFO(text);
  CHECK(has(text, "all_gather #2 of everybody"));
  CHECK(has(text, "barrier #1 of others"));
  CHECK(has(text, "for rank " + std::to_string(leaver)));
}

TEST_CASE("one that waits for a rank that works for longer than the limit is left alone") {
  Communicator const plain = Communicator::duplicate(MPI_COMM_WORLD);
  {
    Kennel kennel{5.0};
    Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD, kennel.log());
    Communicator const once_more = comm.duplicate();

    auto const end = std::chrono::steady_clock::now() + 4s;
    if (comm.rank() == 0) {
      SECTION("by its processor") {
        while (std::chrono::steady_clock::now() < end) {
        }
      }
      SECTION("by what it reads, slowly") {
        while (std::chrono::steady_clock::now() < end) {
          FileScope const reading{kennel.log(), "read", "a file"};
          std::this_thread::sleep_for(20ms);
        }
      }
      SECTION("by its phases") {
        while (std::chrono::steady_clock::now() < end) {
          kennel.log()->set_phase("one");
          std::this_thread::sleep_for(20ms);
        }
      }
      SECTION("or waits itself for somebody outside") {
        PatienceScope const patience{kennel.log()};
        std::this_thread::sleep_for(4s);
      }
    } else {
      SECTION("by its processor") {}
      SECTION("by what it reads, slowly") {}
      SECTION("by its phases") {}
      SECTION("or waits itself for somebody outside") {}
    }
    barrier(once_more);
    CHECK_FALSE(kennel.is_told());
  }
  barrier(plain);
}

TEST_CASE("groups have the same ids on all their ranks, and counts that tell who is late") {
  Watchdog dog{MPI_COMM_WORLD, {60.0, [](auto) {}}};
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD, &dog.log());
  Communicator const half = comm.split(comm.rank() % 2, comm.rank(), "half");
  std::uint64_t const first = half.calls().enter("nothing").group;

  std::vector<std::uint64_t> of_half(static_cast<std::size_t>(half.size()));
  all_gather(half, std::span{&first, 1}, std::span{of_half});
  std::vector<std::uint64_t> of_all(static_cast<std::size_t>(comm.size()));
  all_gather(comm, std::span{&first, 1}, std::span{of_all});

  CHECK(first != 0);
  CHECK(half.calls().count() == 2);
  for (std::uint64_t const id : of_half) {
    CHECK(id == first);
  }
  for (std::size_t rank = 0; rank < of_all.size(); ++rank) {
    CHECK((of_all[rank] == first) == (static_cast<int>(rank) % 2 == comm.rank() % 2));
  }
}
