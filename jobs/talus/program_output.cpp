// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/program_output.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace talus::jobs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_bytes = std::size_t{1} << 20;

/// Starts it with its standard output to `to`, and nothing to read. \return -1 if it can't be
pid_t start(std::vector<std::string> const& command, int to) {
  std::vector<char*> arguments;
  for (std::string const& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  int const error =
      posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -1;
}

/// All there is to read until `end`. \return none if that was too early
std::optional<std::string> read_until(int from, Clock::time_point end) {
  std::string text;
  for (;;) {
    auto const left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    pollfd waiting{.fd = from, .events = POLLIN, .revents = 0};
    int const ready = poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    if (left.count() <= 0 || ready <= 0 || text.size() > most_bytes) {
      return std::nullopt;
    }
    std::array<char, 4096> some{};
    auto const got = read(from, some.data(), some.size());
    if (got <= 0) {
      return got == 0 ? std::optional{text} : std::nullopt;
    }
    text.append(some.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

std::optional<std::string> program_output(std::vector<std::string> const& command,
                                          std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::nullopt;
  }
  pid_t const child = start(command, ends[1]);
  close(ends[1]);
  std::optional<std::string> text;
  if (child > 0) {
    text = read_until(ends[0], Clock::now() + patience);
    if (!text) {
      kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      text.reset();
    }
  }
  close(ends[0]);
  return text;
}

}  // namespace talus::jobs
