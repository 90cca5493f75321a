// SPDX-License-Identifier: Apache-2.0
#include "parallel/counter_window.hpp"

#include <exception>
#include <utility>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::parallel {

namespace {

MPI_Aint local_bytes(Communicator const& comm) {
  return comm.rank() == 0 ? static_cast<MPI_Aint>(sizeof(std::int64_t)) : 0;
}

constexpr int unit = sizeof(std::int64_t);

}  // namespace

CounterWindow::CounterWindow(Communicator const& comm, MPI_Win window, std::int64_t* number)
    : window_{window}, exceptions_before_{std::uncaught_exceptions()} {
  mpi_check(MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window), "MPI_Win_lock_all");
  if (comm.rank() == 0) {
    *number = 0;
    mpi_check(MPI_Win_sync(window), "MPI_Win_sync");
  }
  barrier(comm);  // nobody counts before the number is there
}

CounterWindow CounterWindow::in_shared_memory(Communicator const& comm) {
  MPI_Win window = MPI_WIN_NULL;
  std::int64_t* number = nullptr;
  mpi_check(MPI_Win_allocate_shared(
                local_bytes(comm), unit, MPI_INFO_NULL, comm.native(), &number, &window),
            "MPI_Win_allocate_shared");
  return CounterWindow{comm, window, number};
}

std::optional<CounterWindow> CounterWindow::on_rank_zero(Communicator const& comm) {
  MPI_Win window = MPI_WIN_NULL;
  std::int64_t* number = nullptr;
  int const code =
      MPI_Win_allocate(local_bytes(comm), unit, MPI_INFO_NULL, comm.native(), &number, &window);
  if (!all_agree(comm, code == MPI_SUCCESS)) {
    return std::nullopt;  // a window that only some ranks have cannot be freed: that is collective
  }
  return CounterWindow{comm, window, number};
}

CounterWindow::CounterWindow(CounterWindow&& other) noexcept
    : window_{std::exchange(other.window_, MPI_WIN_NULL)},
      exceptions_before_{other.exceptions_before_} {}

CounterWindow::~CounterWindow() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (window_ == MPI_WIN_NULL || finalized != 0 ||
      std::uncaught_exceptions() > exceptions_before_) {
    return;
  }
  MPI_Win_unlock_all(window_);  // a destructor has nobody to report a failure to
  MPI_Win_free(&window_);
}

}  // namespace talus::parallel
