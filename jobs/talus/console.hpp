// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "runtime/base/reporter.hpp"

namespace talus::jobs {

/// How much is said on standard error: TALUS_LOG.
enum class LogLevel { error, warn, info, debug };

/// The level that TALUS_LOG names; info if it is not set.
///
/// \throws ConfigError  if it names none
[[nodiscard]] LogLevel log_level();

/// Talks to the user on standard error. Standard output is left to results.
class Console final : public Reporter {
 public:
  /// \param rank  of this process in the job; only rank 0 speaks, but for warnings
  Console(int rank, LogLevel level);
  ~Console() override;

  [[nodiscard]] int rank() const noexcept { return rank_; }

  void info(std::string_view line) override;
  void warn(std::string_view line) override;

  /// On a terminal replaces the line before; elsewhere a plain line, every ten seconds at most.
  void progress(std::string_view line) override;

  /// An error that ends the program.
  void fail(std::string_view line);

 private:
  void print(std::string_view prefix, std::string_view line);

  using Clock = std::chrono::steady_clock;

  int rank_;
  LogLevel level_;
  bool is_terminal_;
  bool line_is_open_ = false;
  Clock::time_point next_progress_ = Clock::now() + std::chrono::seconds{10};
};

/// This process's rank as the launcher tells it in the environment, before MPI is there; 0 if it
/// doesn't.
[[nodiscard]] int launcher_rank();

}  // namespace talus::jobs
