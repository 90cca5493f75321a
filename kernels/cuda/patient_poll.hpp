// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

namespace talus::kernels::cuda {

/// How a host polls for what a device does: without pause while it may be done any microsecond,
/// then giving its core to others, at last by sleeps that are short beside what was waited.
class PatientPoll {
 public:
  /// Call between two polls that found nothing.
  ///
  /// \return whether something slower is due, too: once in some milliseconds
  bool pause() {
    if (++polls_ < num_spins) {
      return false;
    }
    auto const now = Clock::now();
    if (polls_ == num_spins) {
      since_ = now;
      looked_ = now;
    }
    if (now - since_ < yielding) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(nap);
    }
    bool const is_due = now - looked_ >= between_looks;
    if (is_due) {
      looked_ = now;
    }
    return is_due;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr int num_spins = 200;  // a poll takes about a microsecond
  static constexpr std::chrono::milliseconds yielding{2};
  static constexpr std::chrono::microseconds nap{20};
  static constexpr std::chrono::milliseconds between_looks{5};

  int polls_ = 0;
  Clock::time_point since_{};
  Clock::time_point looked_{};
};

}  // namespace talus::kernels::cuda
