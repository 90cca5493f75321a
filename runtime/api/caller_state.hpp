// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cfenv>

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

}  // namespace talus::api
