// SPDX-License-Identifier: Apache-2.0
#include "kernels/threads/thread_team.hpp"

#include <algorithm>

#include <sched.h>

#include "runtime/base/error.hpp"
#include "runtime/base/relax.hpp"

namespace talus::kernels {
namespace {

/// Looks at a word before a thread goes to sleep: some tens of microseconds, longer than what lies
/// between two operations of a step.
constexpr int max_looks = 2000;

/// Pieces of a thread's part. A piece is what another one can take off its hands.
constexpr std::int64_t pieces_of_part = 8;

/// Pins the calling thread. A refusal costs speed, not the run.
void pin_to(int core) noexcept {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<unsigned>(core), &cores);
  static_cast<void>(sched_setaffinity(0, sizeof cores, &cores));
}

}  // namespace

ThreadTeam::ThreadTeam(TeamOptions const& options)
    : spins_{options.spins}, parts_(static_cast<std::size_t>(std::max(options.num_threads, 1))) {
  if (options.num_threads < 1) {
    throw ConfigError{concat("threads: ", options.num_threads, " (must be at least 1)")};
  }
  if (!options.cores.empty() && std::ssize(options.cores) < options.num_threads) {
    throw ConfigError{concat("threads: ",
                             options.num_threads,
                             " on ",
                             options.cores.size(),
                             " cores (each needs a core of its own)")};
  }
  for (int thread = 1; thread < options.num_threads; ++thread) {
    int const core = options.cores.empty() ? -1 : options.cores[static_cast<std::size_t>(thread)];
    threads_.emplace_back([this, thread, core] { worker(thread, core); });
  }
}

ThreadTeam::~ThreadTeam() {
  stops_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void ThreadTeam::run(std::int64_t count, TeamTask const& task) {
  auto const num_threads = static_cast<std::int64_t>(parts_.size());
  if (num_threads == 1 || count <= 1) {
    return task.call(task.context, 0, count);
  }
  task_ = task;
  piece_ = std::max<std::int64_t>(1, count / (num_threads * pieces_of_part));
  for (std::int64_t thread = 0; thread < num_threads; ++thread) {
    Part& part = parts_[static_cast<std::size_t>(thread)];
    part.last = (thread + 1) * count / num_threads;
    part.next.store(thread * count / num_threads, std::memory_order_relaxed);
  }
  num_busy_.store(static_cast<int>(num_threads) - 1, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();

  work(0);

  // The others finish their last piece; the core may be one of theirs.
  int busy = num_busy_.load(std::memory_order_acquire);
  for (int looks = 0; busy > 0; busy = num_busy_.load(std::memory_order_acquire)) {
    if (spins_ && looks < max_looks) {
      ++looks;
      relax();
    } else {
      num_busy_.wait(busy, std::memory_order_acquire);
    }
  }
}

float* ThreadTeam::workspace(std::int64_t size) {
  if (size > workspace_.size()) {
    workspace_ = Buffer<float>{{}, std::max(size, workspace_.size() * 3 / 2)};
  }
  return workspace_.data();
}

void ThreadTeam::work(int thread) {
  auto const num_threads = static_cast<int>(parts_.size());
  for (int step = 0; step < num_threads; ++step) {
    take(parts_[static_cast<std::size_t>((thread + step) % num_threads)]);
  }
}

void ThreadTeam::take(Part& part) {
  while (part.next.load(std::memory_order_relaxed) < part.last) {
    std::int64_t const first = part.next.fetch_add(piece_, std::memory_order_relaxed);
    if (first >= part.last) {
      return;
    }
    task_.call(task_.context, first, std::min(first + piece_, part.last));
  }
}

void ThreadTeam::worker(int thread, int core) {
  if (core >= 0) {
    pin_to(core);
  }
  std::uint32_t seen = 0;
  while (true) {
    wait_for_round(seen);
    ++seen;
    if (stops_.load(std::memory_order_relaxed)) {
      return;
    }
    work(thread);
    if (num_busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      num_busy_.notify_one();
    }
  }
}

void ThreadTeam::wait_for_round(std::uint32_t seen) const {
  int looks = 0;
  while (round_.load(std::memory_order_acquire) == seen) {
    if (spins_ && looks < max_looks) {
      ++looks;
      relax();
    } else {
      round_.wait(seen, std::memory_order_acquire);
    }
  }
}

}  // namespace talus::kernels
