// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/stop_signals.hpp"

#include <array>
#include <atomic>
#include <csignal>

namespace talus::jobs {
namespace {

constexpr std::array signals{SIGUSR1, SIGUSR2, SIGTERM};

// A handler can reach nothing else; the command is the only one that installs any.
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);
std::array<struct sigaction, signals.size()> before;

void note(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
}

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action {};

  action.sa_handler = note;
  action.sa_flags = SA_RESTART;  // nothing that waits has to know
  sigemptyset(&action.sa_mask);
  first_signal = 0;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    sigaction(signals[i], &action, &before[i]);
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < signals.size(); ++i) {
    sigaction(signals[i], &before[i], nullptr);
  }
}

std::string_view StopSignals::received() const noexcept {
  switch (first_signal.load(std::memory_order_relaxed)) {
    case SIGUSR1:
      return "SIGUSR1";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGTERM:
      return "SIGTERM";
    default:
      return {};
  }
}

}  // namespace talus::jobs
