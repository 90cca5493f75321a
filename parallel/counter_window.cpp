// SPDX-License-Identifier: Apache-2.0
#include "parallel/counter_window.hpp"

#include <cstdint>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::parallel {

std::optional<CounterWindow> CounterWindow::on_rank_zero(Communicator const& comm) {
  constexpr int unit = sizeof(std::int64_t);
  MPI_Win window = MPI_WIN_NULL;
  std::int64_t* number = nullptr;
  int code = MPI_SUCCESS;
  {
    WaitScope const waiting{comm.calls().enter("allocate window")};
    code = MPI_Win_allocate(
        comm.rank() == 0 ? unit : 0, unit, MPI_INFO_NULL, comm.native(), &number, &window);
  }
  if (!all_agree(comm, code == MPI_SUCCESS)) {
    return std::nullopt;  // a window that only some ranks have cannot be freed: that is collective
  }
  CounterWindow counter{window, comm};
  if (comm.rank() == 0) {
    *number = 0;
    mpi_check(MPI_Win_sync(window), "MPI_Win_sync");
  }
  barrier(comm);  // nobody counts before the number is there
  return counter;
}

}  // namespace talus::parallel
