// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "parallel/shared_counter.hpp"
#include "parallel/shared_window.hpp"

namespace talus::parallel {

namespace {

class NodeCounter final : public SharedCounter {
 public:
  NodeCounter(Communicator const& comm, SharedWindow window)
      : window_{std::move(window)},
        number_{reinterpret_cast<std::int64_t*>(window_.part(0).data())} {
    if (comm.rank() == 0) {
      *number_ = 0;
    }
    window_.publish(comm);  // nobody counts before the number is there
  }

  std::int64_t fetch_add(std::int64_t value) override {
    return std::atomic_ref<std::int64_t>{*number_}.fetch_add(value);
  }

 private:
  SharedWindow window_;
  std::int64_t* number_;  // rank 0's, mapped here
};

static_assert(std::atomic_ref<std::int64_t>::is_always_lock_free, "a lock would be this process's");

}  // namespace

std::unique_ptr<SharedCounter> make_node_counter(Communicator const& comm) {
  std::optional<SharedWindow> window =
      SharedWindow::allocate(comm, comm.rank() == 0 ? sizeof(std::int64_t) : 0);
  if (!window) {
    return nullptr;
  }
  return std::make_unique<NodeCounter>(comm, std::move(*window));
}

}  // namespace talus::parallel
