// SPDX-License-Identifier: Apache-2.0
#include "parallel/progress.hpp"

#include <ctime>
#include <thread>

#include "parallel/collectives.hpp"
#include "parallel/request.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using namespace std::chrono_literals;

namespace {

double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

}  // namespace

TEST_CASE("a rank that waits for long does not burn its core") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  barrier(comm);
  double const before = cpu_seconds();

  if (comm.rank() == 0) {
    std::this_thread::sleep_for(500ms);
  }
  barrier(comm);

  CHECK(cpu_seconds() - before < 0.25);
}

TEST_CASE("waiting for nothing returns at once") {
  wait_yielding({});
  Request nothing;
  nothing.wait();

  CHECK_FALSE(nothing.is_pending());
  CHECK(nothing.test());
}

TEST_CASE("a request is pending until its message has come") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  int const left = (comm.rank() + comm.size() - 1) % comm.size();
  int const right = (comm.rank() + 1) % comm.size();
  int received = -1;
  MPI_Request native = MPI_REQUEST_NULL;
  MPI_Irecv(&received, 1, MPI_INT, left, 1, comm.native(), &native);
  Request receive{native};
  barrier(comm);  // nobody has sent anything yet
  CHECK_FALSE(receive.test());
  barrier(comm);

  int const mine = comm.rank();
  MPI_Isend(&mine, 1, MPI_INT, right, 1, comm.native(), &native);
  Request send{native};
  Request moved = std::move(receive);
  send.wait();
  moved.wait();

  CHECK_FALSE(receive.is_pending());  // NOLINT(bugprone-use-after-move): what is tested
  CHECK_FALSE(moved.is_pending());
  CHECK(received == left);
}
