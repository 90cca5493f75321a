// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace talus::runtime {

/// When a job is killed, and how long before that everything is to be closed.
struct TimeLimit {
  using Clock = std::chrono::steady_clock;

  Clock::time_point end;                   ///< of the job
  std::chrono::duration<double> margin{};  ///< before that
  std::string source;                      ///< who says so, for people

  /// By when everything is to be closed.
  [[nodiscard]] Clock::time_point closing() const {
    return end - std::chrono::duration_cast<Clock::duration>(margin);
  }
};

/// What may end a run before its work is done: the world outside, which only the command knows.
struct RunControl {
  /// Why this process was told to stop, like "SIGUSR1"; empty: it wasn't. Asked on every rank by
  /// the thread that runs, once a step and more often while weights are loaded.
  std::function<std::string_view()> told_to_stop = [] { return std::string_view{}; };
  std::optional<TimeLimit> limit;  ///< of rank 0; none: nobody kills the job
};

/// Reasons to stop that aren't the name of a signal.
inline constexpr char const* limit_reached = "the time limit";
inline constexpr char const* told_elsewhere = "another rank was told to stop";

}  // namespace talus::runtime
