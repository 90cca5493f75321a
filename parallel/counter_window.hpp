// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include <mpi.h>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// An MPI window over one number, which lies on rank 0 and begins at 0.
///
/// Open to every rank all the time (MPI_Win_lock_all). Creating one is collective; so is destroying
/// one, unless an exception is on its way: then it is leaked, because the others may never come.
class CounterWindow {
 public:
  /// In memory that all ranks share. Collective over `comm`, whose ranks are on one node.
  ///
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] static CounterWindow in_shared_memory(Communicator const& comm);

  /// In memory of rank 0. Collective over `comm`.
  ///
  /// \return nothing, on all ranks, if MPI cannot create it on all
  [[nodiscard]] static std::optional<CounterWindow> on_rank_zero(Communicator const& comm);

  CounterWindow(CounterWindow&& other) noexcept;
  CounterWindow(CounterWindow const&) = delete;
  CounterWindow& operator=(CounterWindow const&) = delete;
  CounterWindow& operator=(CounterWindow&&) = delete;
  ~CounterWindow();

  [[nodiscard]] MPI_Win native() const noexcept { return window_; }

 private:
  CounterWindow(Communicator const& comm, MPI_Win window, std::int64_t* number);

  MPI_Win window_ = MPI_WIN_NULL;
  int exceptions_before_ = 0;
};

}  // namespace talus::parallel
