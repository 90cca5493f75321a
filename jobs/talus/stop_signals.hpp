// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace talus::jobs {

/// Notes USR1, USR2 and TERM, instead of dying of them, from its making on; restores what was there
/// before at its end. One at a time.
///
/// What MPI or a launcher starts does not inherit it.
class StopSignals {
 public:
  StopSignals();
  StopSignals(StopSignals const&) = delete;
  StopSignals& operator=(StopSignals const&) = delete;
  ~StopSignals();

  /// The name of the first signal that came, like "SIGUSR1"; empty: none did.
  [[nodiscard]] std::string_view received() const noexcept;
};

}  // namespace talus::jobs
