// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/open_window.hpp"

namespace talus::parallel {

/// An MPI window over one number, which lies on rank 0 and begins at 0. Creating one is collective;
/// so is destroying one, as OpenWindow says.
class CounterWindow {
 public:
  /// In memory of rank 0. Collective over `comm`.
  ///
  /// \return nothing, on all ranks, if MPI cannot create it on all
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] static std::optional<CounterWindow> on_rank_zero(Communicator const& comm);

  [[nodiscard]] MPI_Win native() const noexcept { return window_.native(); }

  [[nodiscard]] CallGroup const& calls() const noexcept { return window_.calls(); }

 private:
  CounterWindow(MPI_Win window, Communicator const& comm) : window_{window, comm} {}

  OpenWindow window_;
};

}  // namespace talus::parallel
