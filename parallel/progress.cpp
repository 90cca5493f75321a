// SPDX-License-Identifier: Apache-2.0
#include "parallel/progress.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <thread>
#include <vector>

#include <sched.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::parallel {

namespace {

using namespace std::chrono_literals;

// Up to here a switch to another rank and back costs more than the core that it saves.
constexpr std::chrono::nanoseconds yield_time = 2ms;
// A sleep may lengthen a wait by this share; Linux adds 50 us to each.
constexpr int sleep_share = 32;
constexpr std::chrono::nanoseconds longest_sleep = 500us;

// A bit for each core.
using CoreMask = std::array<std::uint64_t, sizeof(cpu_set_t) / sizeof(std::uint64_t)>;

// None, if the system has more cores than cpu_set_t.
CoreMask usable_cores() {
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof(usable), &usable) != 0) {
    CPU_ZERO(&usable);
  }
  return std::bit_cast<CoreMask>(usable);
}

}  // namespace

void Backoff::pause() noexcept {
  if (polls_ < num_spins_) {
    ++polls_;
    return;
  }
  auto const now = std::chrono::steady_clock::now();
  if (polls_ == num_spins_) {
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

void make_progress(Communicator const& comm) {
  int is_there = 0;
  mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm.native(), &is_there, MPI_STATUS_IGNORE),
            "MPI_Iprobe");
}

bool must_share_cores(Communicator const& comm) {
  CoreMask const mine = usable_cores();
  std::vector<std::uint64_t> all(mine.size() * static_cast<std::size_t>(comm.size()));
  all_gather<std::uint64_t>(comm, mine, all);
  int cores = 0;
  for (std::size_t word = 0; word < mine.size(); ++word) {
    std::uint64_t together = 0;
    for (std::size_t i = word; i < all.size(); i += mine.size()) {
      together |= all[i];
    }
    cores += std::popcount(together);
  }
  return cores < comm.size();
}

}  // namespace talus::parallel
