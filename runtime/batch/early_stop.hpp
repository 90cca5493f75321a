// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parallel/communicator.hpp"
#include "runtime/batch/run_control.hpp"

namespace talus::runtime {

/// Stops a run that has no engine yet, for a signal to any of its ranks or for want of time; with
/// an engine it is Drain that does.
class EarlyStop {
 public:
  /// \param control  outlives this
  explicit EarlyStop(RunControl const& control) : control_{&control} {}

  /// \throws Error  if this rank should stop
  void check() const;

  /// Whether any rank should stop. Collective over `world`.
  [[nodiscard]] bool is_asked_for(parallel::Communicator const& world);

  /// Why, as far as this rank knows, since it was asked for; empty: it was not.
  [[nodiscard]] std::string const& reason() const noexcept { return reason_; }

 private:
  [[nodiscard]] std::string own_reason() const;

  RunControl const* control_;
  std::string reason_;
};

}  // namespace talus::runtime
