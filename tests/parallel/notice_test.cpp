// SPDX-License-Identifier: Apache-2.0
#include "parallel/notice.hpp"

#include <array>

#include "parallel/collectives.hpp"
#include "parallel/progress.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

TEST_CASE("a notice that nobody gives is not given") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Notice notice{comm};
  CHECK_FALSE(notice.look());
  CHECK_FALSE(notice.close([] {}));
  CHECK_FALSE(notice.look());
}

TEST_CASE("a notice of one rank comes to all while they work") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (int giver = 0; giver < comm.size(); ++giver) {
    Notice notice{comm};
    if (comm.rank() == giver) {
      notice.give();
    }
    for (Backoff backoff; !notice.look();) {
      backoff.pause();
    }
    CHECK(notice.close([] {}));
  }
}

TEST_CASE("a notice passes ranks that have nothing left to do") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  Notice notice{comm};
  bool const works = comm.rank() == comm.size() - 1 || comm.rank() == comm.size() / 2;
  if (comm.rank() == comm.size() - 1) {
    notice.give();
  }
  for (Backoff backoff; works && !notice.look();) {
    backoff.pause();
  }
  CHECK(notice.close([] {}));
}

TEST_CASE("a notice may be given by a rank that has nothing left to do") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (int giver = 0; giver < comm.size(); ++giver) {
    Notice notice{comm};
    int const worker = (giver + 1) % comm.size();
    int times = 0;
    for (Backoff backoff; comm.rank() == worker && giver != worker && !notice.look();) {
      backoff.pause();
    }
    CHECK(notice.close([&] {
      if (++times == 3 && comm.rank() == giver) {
        notice.give();
      }
    }) == (comm.size() > 1));
  }
}

TEST_CASE("a notice may be given by all, and twice, and at the last moment") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  for (int step = 0; step < 20; ++step) {
    Notice notice{comm};
    bool const gives = (comm.rank() + step) % 3 != 0;
    if (gives) {
      notice.give();
      notice.give();
    }
    int const given = all_reduce(comm, gives ? 1 : 0, ReduceOp::max);
    CHECK(notice.close([] {}) == (given == 1));
  }
}
