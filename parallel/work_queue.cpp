// SPDX-License-Identifier: Apache-2.0
#include "parallel/work_queue.hpp"

#include "parallel/shared_counter.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

namespace {

std::unique_ptr<SharedCounter> make_counter(Communicator const& comm, QueueMethod method) {
  switch (method) {
    case QueueMethod::shared_memory:
      return make_node_counter(comm);
    case QueueMethod::window:
      return make_window_counter(comm);
    case QueueMethod::service:
      return make_served_counter(comm);
  }
  return nullptr;
}

}  // namespace

WorkQueue::WorkQueue(Communicator const& comm, std::optional<QueueMethod> method) {
  for (QueueMethod const candidate :
       {QueueMethod::shared_memory, QueueMethod::window, QueueMethod::service}) {
    if (counter_ == nullptr && (!method || *method == candidate)) {
      method_ = candidate;
      counter_ = make_counter(comm, candidate);
    }
  }
  if (counter_ == nullptr) {
    throw ConfigError{concat("work queue: ",
                             comm.size(),
                             " replicas have no way to share it (it needs ranks on one node, MPI "
                             "one-sided operations, or MPI_THREAD_MULTIPLE)")};
  }
}

WorkQueue::WorkQueue(WorkQueue&&) noexcept = default;

WorkQueue& WorkQueue::operator=(WorkQueue&&) noexcept = default;

WorkQueue::~WorkQueue() = default;

std::int64_t WorkQueue::take(std::int64_t count) {
  TALUS_EXPECT(count >= 0);
  return counter_->fetch_add(count);
}

}  // namespace talus::parallel
