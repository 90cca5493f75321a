// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// Owns an MPI window that is open to every rank all the time (MPI_Win_lock_all).
///
/// Destroying one is collective, unless an exception is on its way: then it is leaked, because the
/// others may never come. One that outlives MPI is leaked as well.
class OpenWindow {
 public:
  /// Takes `window`, and opens it. Local.
  ///
  /// \param comm  that it was made of, by its last call
  /// \throws ApiError  if MPI reports an error
  OpenWindow(MPI_Win window, Communicator const& comm);

  OpenWindow(OpenWindow&& other) noexcept;
  OpenWindow(OpenWindow const&) = delete;
  OpenWindow& operator=(OpenWindow const&) = delete;
  OpenWindow& operator=(OpenWindow&&) = delete;
  ~OpenWindow();

  [[nodiscard]] MPI_Win native() const noexcept { return window_; }

  /// Its ranks in the log of this rank's calls.
  [[nodiscard]] CallGroup const& calls() const noexcept { return calls_; }

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  CallGroup calls_;
  int exceptions_before_ = 0;
};

}  // namespace talus::parallel
