// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "io/trace/records.hpp"

namespace talus::runtime {

/// Adds up how long this rank spends in each phase of a step, and how many bytes it sends.
///
/// One phase at a time: a scope inside another takes its time out of the outer one's.
class StepClock {
 public:
  using Clock = std::chrono::steady_clock;
  using Bytes = std::array<std::uint64_t, io::num_traffic_kinds>;
  using Seconds = std::array<float, io::num_phases>;

  /// Times until it is destroyed.
  class Scope {
   public:
    Scope(StepClock& clock, io::Phase phase) noexcept
        : clock_{clock}, outer_{clock.switch_to(phase)} {}

    ~Scope() { clock_.switch_to(outer_); }

    Scope(Scope const&) = delete;
    Scope& operator=(Scope const&) = delete;

   private:
    StepClock& clock_;
    io::Phase outer_;
  };

  [[nodiscard]] Scope scope(io::Phase phase) noexcept { return {*this, phase}; }

  /// Counts bytes that this rank sent to others.
  void count(io::Traffic kind, std::int64_t bytes) noexcept {
    bytes_[static_cast<std::size_t>(kind)] += static_cast<std::uint64_t>(bytes);
  }

  /// Bytes of each kind since the last call; begins anew.
  [[nodiscard]] Bytes take_bytes() noexcept { return std::exchange(bytes_, Bytes{}); }

  /// Seconds of each phase since the last call; begins anew.
  [[nodiscard]] Seconds take() noexcept {
    switch_to(phase_);
    Seconds const taken = seconds_;
    seconds_.fill(0.0F);
    return taken;
  }

 private:
  io::Phase switch_to(io::Phase phase) noexcept {
    auto const now = Clock::now();
    seconds_[static_cast<std::size_t>(phase_)] +=
        std::chrono::duration<float>(now - since_).count();
    since_ = now;
    io::Phase const before = phase_;
    phase_ = phase;
    return before;
  }

  Bytes bytes_{};
  Seconds seconds_{};
  io::Phase phase_ = io::Phase::other;
  Clock::time_point since_ = Clock::now();
};

}  // namespace talus::runtime
