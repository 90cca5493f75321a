// SPDX-License-Identifier: Apache-2.0
#include "parallel/rank_pulse.hpp"

#include <pthread.h>

namespace talus::parallel {

namespace {

// A thread that works uses more of the processor than this; one that sleeps and looks uses less.
constexpr double least_use = 0.02;

}  // namespace

RankPulse::RankPulse(RankState& state, double busy_s) noexcept
    : state_{&state},
      most_busy_s_{busy_s},
      has_clock_{pthread_getcpuclockid(pthread_self(), &clock_) == 0} {}

double RankPulse::processor_s() const noexcept {
  timespec used{};
  if (!has_clock_ || clock_gettime(clock_, &used) != 0) {
    return 0.0;
  }
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void RankPulse::beat(double passed_s) noexcept {
  if (passed_s <= 0.0) {
    put_next(state_->heartbeat);
    return;
  }
  std::uint64_t const moves = get(state_->moves) + get(state_->file_moves);
  double const used = processor_s();
  bool const works = used - used_s_ > least_use * passed_s && get(state_->waits) == 0;
  used_s_ = used;
  bool const is_patient =
      get(state_->status_word) == static_cast<std::uint64_t>(RankStatus::patient);
  if (moves != moves_ || is_patient) {
    moves_ = moves;
    idle_s_ = 0.0;
    busy_s_ = 0.0;
  } else {
    busy_s_ += passed_s;
    idle_s_ = works && busy_s_ < most_busy_s_ ? 0.0 : idle_s_ + passed_s;
  }
  put(state_->idle_ms, static_cast<std::uint64_t>(1e3 * idle_s_));
  put_next(state_->heartbeat);
}

}  // namespace talus::parallel
