// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <mpi.h>

#include "parallel/counter_window.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/shared_counter.hpp"

namespace talus::parallel {

namespace {

class WindowCounter final : public SharedCounter {
 public:
  explicit WindowCounter(CounterWindow window) : window_{std::move(window)} {}

  std::int64_t fetch_add(std::int64_t value) override {
    WaitScope const waiting{window_.calls().expect("take work", 0)};
    std::int64_t before = 0;
    mpi_check(MPI_Fetch_and_op(&value, &before, MPI_INT64_T, 0, 0, MPI_SUM, window_.native()),
              "MPI_Fetch_and_op");
    mpi_check(MPI_Win_flush(0, window_.native()), "MPI_Win_flush");
    return before;
  }

 private:
  CounterWindow window_;
};

}  // namespace

std::unique_ptr<SharedCounter> make_window_counter(Communicator const& comm) {
  std::optional<CounterWindow> window = CounterWindow::on_rank_zero(comm);
  if (!window) {
    return nullptr;
  }
  return std::make_unique<WindowCounter>(std::move(*window));
}

}  // namespace talus::parallel
