// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cfenv>
#include <csignal>

/// \file
/// What of a program's state the engine needs otherwise than the program has it, and puts back.

namespace talus::api {

/// The default floating-point environment, and at its end the caller's: rounding, denormals and
/// traps of the program don't change answers, and flags that the engine raises don't reach it.
class DefaultFloats {
 public:
  DefaultFloats() noexcept {
    std::fegetenv(&callers_);
    std::fesetenv(FE_DFL_ENV);
  }

  ~DefaultFloats() { std::fesetenv(&callers_); }

  DefaultFloats(DefaultFloats const&) = delete;
  DefaultFloats& operator=(DefaultFloats const&) = delete;

 private:
  std::fenv_t callers_{};
};

/// No signals to this thread, nor to those that it starts, so that a program's handlers never run
/// on a thread that it doesn't know.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &callers_);
  }

  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &callers_, nullptr); }

  BlockedSignals(BlockedSignals const&) = delete;
  BlockedSignals& operator=(BlockedSignals const&) = delete;

 private:
  sigset_t callers_{};
};

}  // namespace talus::api
