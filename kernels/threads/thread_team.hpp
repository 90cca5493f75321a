// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "kernels/buffer.hpp"

namespace talus::kernels {

/// What a team shares out: calls to `call(context, first, last)` for ranges of [0, count).
struct TeamTask {
  void (*call)(void const* context, std::int64_t first, std::int64_t last) = nullptr;
  void const* context = nullptr;
};

/// How the threads of a team wait for work and for each other.
struct TeamOptions {
  int num_threads = 1;  ///< with the one that calls run()
  /// Cores for the threads, one each: the first for the thread that calls run(), which stays where
  /// it is, the others for those that the team starts. Empty: wherever the system puts them.
  std::vector<int> cores;
  bool spins = true;  ///< waits a little while before sleeping; false where cores are shared
};

/// The threads of one rank, and the work that they share.
///
/// Each thread begins with a part of its own, the same one for the same count, so that it streams
/// its own part of the weights from step to step; a thread that is done helps the others. What a
/// call computes must not depend on the thread or the range. One caller at a time.
class ThreadTeam {
 public:
  /// Starts the threads.
  ///
  /// \throws ConfigError  if num_threads < 1, or cores are given for fewer threads
  explicit ThreadTeam(TeamOptions const& options);
  ~ThreadTeam();
  ThreadTeam(ThreadTeam const&) = delete;
  ThreadTeam& operator=(ThreadTeam const&) = delete;

  [[nodiscard]] int size() const noexcept { return static_cast<int>(parts_.size()); }

  /// Memory of at least `size` floats, uninitialised, valid until the next call: what an operation
  /// needs beside its arguments. It grows to what was needed most.
  [[nodiscard]] float* workspace(std::int64_t size);

  /// Calls the task for all of [0, count), on all threads; returns when it is done.
  void run(std::int64_t count, TeamTask const& task);

 private:
  /// A thread's own range of a task, taken piece by piece, by itself or by who helps.
  struct alignas(64) Part {
    std::atomic<std::int64_t> next{0};
    std::int64_t last = 0;
  };

  void work(int thread);
  void take(Part& part);
  void worker(int thread, int core);
  void wait_for_round(std::uint32_t seen) const;

  bool spins_;
  TeamTask task_;
  std::int64_t piece_ = 1;
  std::vector<Part> parts_;
  alignas(64) std::atomic<std::uint32_t> round_{0};  // a new one for each task
  alignas(64) std::atomic<int> num_busy_{0};         // threads that may still touch the task
  alignas(64) std::atomic<bool> stops_{false};
  Buffer<float> workspace_;
  std::vector<std::jthread> threads_;
};

}  // namespace talus::kernels
