// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <memory>

#include <mpi.h>

#include "parallel/counter_window.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/shared_counter.hpp"

namespace talus::parallel {

namespace {

class NodeCounter final : public SharedCounter {
 public:
  explicit NodeCounter(Communicator const& comm) : window_{CounterWindow::in_shared_memory(comm)} {
    MPI_Aint bytes = 0;
    int unit = 0;
    mpi_check(MPI_Win_shared_query(window_.native(), 0, &bytes, &unit, &number_),
              "MPI_Win_shared_query");
  }

  std::int64_t fetch_add(std::int64_t value) override {
    return std::atomic_ref<std::int64_t>{*number_}.fetch_add(value);
  }

 private:
  CounterWindow window_;
  std::int64_t* number_ = nullptr;  // rank 0's, mapped here
};

static_assert(std::atomic_ref<std::int64_t>::is_always_lock_free, "a lock would be this process's");

}  // namespace

std::unique_ptr<SharedCounter> make_node_counter(Communicator const& comm) {
  if (!all_agree(comm, comm.split_by_node().size() == comm.size())) {
    return nullptr;
  }
  return std::make_unique<NodeCounter>(comm);
}

}  // namespace talus::parallel
