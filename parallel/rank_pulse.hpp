// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>

#include "parallel/rank_state.hpp"

namespace talus::parallel {

/// Measures how long the thread that made it has made no progress, from another thread.
class RankPulse {
 public:
  /// \param state   of this rank; outlives this
  /// \param busy_s  seconds for which use of the processor counts as progress by itself
  RankPulse(RankState& state, double busy_s) noexcept;

  /// Beats, and writes how long the rank has been idle to its state.
  ///
  /// \param passed_s  since the last time, of this process's own time; 0: only beats
  void beat(double passed_s) noexcept;

 private:
  [[nodiscard]] double processor_s() const noexcept;

  RankState* state_;
  double most_busy_s_;
  clockid_t clock_{};
  bool has_clock_ = false;
  std::uint64_t moves_ = 0;
  double used_s_ = 0.0;
  double busy_s_ = 0.0;
  double idle_s_ = 0.0;
};

}  // namespace talus::parallel
