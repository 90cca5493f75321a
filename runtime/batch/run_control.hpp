// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace talus::runtime {

/// What may end a run before its work is done: the world outside, which only the command knows.
struct RunControl {
  /// Why this process was told to stop, like "SIGUSR1"; empty: it wasn't. Asked on every rank by
  /// the thread that runs, once a step and more often while weights are loaded.
  std::function<std::string_view()> told_to_stop = [] { return std::string_view{}; };
  /// When the job is killed, of rank 0; none: nobody does.
  std::optional<std::chrono::steady_clock::time_point> end;
  std::string end_source;  ///< who says so, for people
};

}  // namespace talus::runtime
