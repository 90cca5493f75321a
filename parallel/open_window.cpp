// SPDX-License-Identifier: Apache-2.0
#include "parallel/open_window.hpp"

#include <exception>
#include <utility>

#include "parallel/mpi_check.hpp"

namespace talus::parallel {

OpenWindow::OpenWindow(MPI_Win window, Communicator const& comm)
    : window_{window},
      calls_{comm.calls().made_by_last_call(0, "window", comm.size())},
      exceptions_before_{std::uncaught_exceptions()} {
  mpi_check(MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window), "MPI_Win_lock_all");
}

OpenWindow::OpenWindow(OpenWindow&& other) noexcept
    : window_{std::exchange(other.window_, MPI_WIN_NULL)},
      calls_{std::move(other.calls_)},
      exceptions_before_{other.exceptions_before_} {}

OpenWindow::~OpenWindow() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (window_ == MPI_WIN_NULL || finalized != 0 ||
      std::uncaught_exceptions() > exceptions_before_) {
    return;
  }
  WaitScope const waiting{calls_.enter("free window")};
  MPI_Win_unlock_all(window_);  // a destructor has nobody to report a failure to
  MPI_Win_free(&window_);
}

}  // namespace talus::parallel
