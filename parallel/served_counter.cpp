// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>

#include <mpi.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/mpi_session.hpp"
#include "parallel/progress.hpp"
#include "parallel/request.hpp"
#include "parallel/shared_counter.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {

namespace {

constexpr int request_tag = static_cast<int>(Tag::queue_request);
constexpr int answer_tag = static_cast<int>(Tag::queue_answer);

class ServedCounter final : public SharedCounter {
 public:
  explicit ServedCounter(Communicator const& comm)
      : comm_{comm.duplicate("work queue")}, exceptions_before_{std::uncaught_exceptions()} {
    if (comm_.rank() == 0 && comm_.size() > 1) {
      server_ = std::jthread{[this](std::stop_token const& stop) { serve(stop); }};
    }
  }

  ServedCounter(ServedCounter const&) = delete;
  ServedCounter& operator=(ServedCounter const&) = delete;

  ~ServedCounter() override {
    if (std::uncaught_exceptions() > exceptions_before_) {
      return;  // the others may never come to the barrier; the thread ends with its owner
    }
    try {
      barrier(comm_);  // whoever still takes is answered
    } catch (...) {    // a destructor has nobody to report a failure to
    }
  }

  std::int64_t fetch_add(std::int64_t value) override {
    if (comm_.rank() == 0) {
      if (failed_) {
        std::rethrow_exception(failure_);
      }
      return number_.fetch_add(value);
    }
    std::int64_t before = 0;
    MPI_Request native = MPI_REQUEST_NULL;
    mpi_check(MPI_Irecv(&before, 1, MPI_INT64_T, 0, answer_tag, comm_.native(), &native),
              "MPI_Irecv");
    Request answer{native};
    mpi_check(MPI_Isend(&value, 1, MPI_INT64_T, 0, request_tag, comm_.native(), &native),
              "MPI_Isend");
    Request{native}.wait();
    WaitScope const waiting{comm_.calls().expect("take work", 0)};
    answer.wait();
    return before;
  }

 private:
  // Rank 0's thread. What fails in it is told by the next fetch_add of this rank.
  void serve(std::stop_token const& stop) noexcept {
    try {
      Backoff backoff;
      while (!stop.stop_requested()) {
        if (answer_one()) {
          backoff = Backoff{};
        } else {
          backoff.pause();
        }
      }
    } catch (...) {
      failure_ = std::current_exception();
      failed_ = true;
    }
  }

  // Answers the next request; false if there is none.
  bool answer_one() {
    int there = 0;
    MPI_Message message = MPI_MESSAGE_NULL;
    MPI_Status status{};
    mpi_check(MPI_Improbe(MPI_ANY_SOURCE, request_tag, comm_.native(), &there, &message, &status),
              "MPI_Improbe");
    if (there == 0) {
      return false;
    }
    std::int64_t value = 0;
    mpi_check(MPI_Mrecv(&value, 1, MPI_INT64_T, &message, MPI_STATUS_IGNORE), "MPI_Mrecv");
    std::int64_t const before = number_.fetch_add(value);
    MPI_Request answer = MPI_REQUEST_NULL;
    mpi_check(
        MPI_Isend(&before, 1, MPI_INT64_T, status.MPI_SOURCE, answer_tag, comm_.native(), &answer),
        "MPI_Isend");
    Request{answer}.wait();
    return true;
  }

  Communicator comm_;
  int exceptions_before_;
  std::atomic<std::int64_t> number_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> failed_ = false;
  std::jthread server_;  // last: it ends before what it uses
};

}  // namespace

std::unique_ptr<SharedCounter> make_served_counter(Communicator const& comm) {
  if (!all_agree(comm, granted_thread_level() == ThreadLevel::multiple)) {
    return nullptr;
  }
  return std::make_unique<ServedCounter>(comm);
}

}  // namespace talus::parallel
