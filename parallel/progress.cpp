// SPDX-License-Identifier: Apache-2.0
#include "parallel/progress.hpp"

#include <algorithm>
#include <thread>

#include <sched.h>

#include "parallel/mpi_check.hpp"

namespace talus::parallel {

namespace {

using namespace std::chrono_literals;

// About 10 us of MPI_Testall: a neighbour's answer in shared memory takes 2 to 10.
constexpr int num_spins = 64;
// Up to here a switch to another rank and back costs more than the core that it saves.
constexpr std::chrono::nanoseconds yield_time = 2ms;
// A sleep may lengthen a wait by this share; Linux adds 50 us to each.
constexpr int sleep_share = 32;
constexpr std::chrono::nanoseconds longest_sleep = 500us;

}  // namespace

void Backoff::pause() noexcept {
  if (polls_ < num_spins) {
    ++polls_;
    return;
  }
  auto const now = std::chrono::steady_clock::now();
  if (polls_ == num_spins) {
    ++polls_;
    yielding_since_ = now;
  }
  std::chrono::nanoseconds const waited = now - yielding_since_;
  if (waited < yield_time) {
    sched_yield();
  } else {
    std::this_thread::sleep_for(std::min(waited / sleep_share, longest_sleep));
  }
}

void wait_yielding(std::span<MPI_Request> requests) {
  int const count = static_cast<int>(requests.size());
  Backoff backoff;
  for (;;) {
    int done = 0;
    mpi_check(MPI_Testall(count, requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    if (done != 0) {
      return;
    }
    backoff.pause();
  }
}

}  // namespace talus::parallel
