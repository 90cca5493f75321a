// SPDX-License-Identifier: Apache-2.0
#include "parallel/request.hpp"

#include <exception>
#include <utility>

#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

Request::Request(Request&& other) noexcept
    : native_{std::exchange(other.native_, MPI_REQUEST_NULL)}, ticket_{other.ticket_} {}

Request& Request::operator=(Request&& other) noexcept {
  if (this != &other) {
    check_forgotten();
    native_ = std::exchange(other.native_, MPI_REQUEST_NULL);
    ticket_ = other.ticket_;
  }
  return *this;
}

Request::~Request() {
  check_forgotten();
}

bool Request::test() {
  int done = 0;
  mpi_check(MPI_Test(&native_, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

void Request::wait() {
  WaitScope const waiting{ticket_};
  wait_yielding({&native_, 1});
}

void Request::check_forgotten() const noexcept {
  TALUS_EXPECT(!is_pending() || std::uncaught_exceptions() > 0);
}

}  // namespace talus::parallel
