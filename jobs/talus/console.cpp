// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/console.hpp"

#include <cstdlib>
#include <iostream>

#include <unistd.h>

#include "parallel/launcher.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {

LogLevel log_level() {
  char const* const name = std::getenv("TALUS_LOG");
  if (name == nullptr || *name == '\0') {
    return LogLevel::info;
  }
  constexpr std::pair<std::string_view, LogLevel> levels[] = {{"error", LogLevel::error},
                                                              {"warn", LogLevel::warn},
                                                              {"info", LogLevel::info},
                                                              {"debug", LogLevel::debug}};
  for (auto const& [text, level] : levels) {
    if (text == name) {
      return level;
    }
  }
  throw ConfigError{concat("TALUS_LOG: ", name, " (allowed: error, warn, info, debug)")};
}

int launcher_rank() {
  return parallel::read_launch_facts(parallel::process_launch_source()).rank.value_or(0);
}

Console::Console(int rank, LogLevel level)
    : rank_{rank}, level_{level}, is_terminal_{isatty(STDERR_FILENO) != 0} {}

Console::~Console() {
  if (line_is_open_) {
    std::cerr << std::endl;
  }
}

void Console::print(std::string_view prefix, std::string_view line) {
  if (line_is_open_) {
    std::cerr << '\n';
    line_is_open_ = false;
  }
  // One write a line, so that lines of several ranks don't mix.
  std::cerr << concat(prefix, line, '\n') << std::flush;
}

void Console::info(std::string_view line) {
  if (rank_ == 0 && level_ >= LogLevel::info) {
    print("", line);
  }
}

void Console::warn(std::string_view line) {
  if (level_ >= LogLevel::warn) {
    print(rank_ == 0 ? std::string{"warning: "} : concat("warning (rank ", rank_, "): "), line);
  }
}

void Console::fail(std::string_view line) {
  print(rank_ == 0 ? std::string{"talus: "} : concat("talus (rank ", rank_, "): "), line);
}

void Console::progress(std::string_view line) {
  if (rank_ != 0 || level_ < LogLevel::info) {
    return;
  }
  if (is_terminal_) {
    std::cerr << '\r' << line << "\x1b[K" << std::flush;
    line_is_open_ = true;
  } else if (Clock::now() >= next_progress_) {
    next_progress_ = Clock::now() + std::chrono::seconds{10};
    print("", line);
  }
}

}  // namespace talus::jobs
