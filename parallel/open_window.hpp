// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

namespace talus::parallel {

/// Owns an MPI window that is open to every rank all the time (MPI_Win_lock_all).
///
/// Destroying one is collective, unless an exception is on its way: then it is leaked, because the
/// others may never come. One that outlives MPI is leaked as well.
class OpenWindow {
 public:
  /// Takes `window`, and opens it. Local.
  ///
  /// \throws ApiError  if MPI reports an error
  explicit OpenWindow(MPI_Win window);

  OpenWindow(OpenWindow&& other) noexcept;
  OpenWindow(OpenWindow const&) = delete;
  OpenWindow& operator=(OpenWindow const&) = delete;
  OpenWindow& operator=(OpenWindow&&) = delete;
  ~OpenWindow();

  [[nodiscard]] MPI_Win native() const noexcept { return window_; }

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  int exceptions_before_ = 0;
};

}  // namespace talus::parallel
