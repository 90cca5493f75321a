// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "io/trace/records.hpp"
#include "parallel/call_log.hpp"
#include "parallel/sum_path.hpp"

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

  /// Says from now on which phase, step and layer this rank is in.
  ///
  /// \param log  outlives the clock; null: nobody looks
  void watch(parallel::CallLog* log) noexcept { log_ = log; }

  void begin_step(std::int64_t step) noexcept {
    if (log_ != nullptr) {
      log_->set_step(step);
    }
  }

  /// \param layer  of the model; -1: none
  void enter_layer(std::int64_t layer) noexcept {
    if (log_ != nullptr) {
      log_->set_layer(layer);
    }
  }

  /// Counts bytes that this rank sent to others.
  void count(io::Traffic kind, std::int64_t bytes) noexcept {
    bytes_[static_cast<std::size_t>(kind)] += static_cast<std::uint64_t>(bytes);
  }

  /// Bytes of each kind since the last call; begins anew.
  [[nodiscard]] Bytes take_bytes() noexcept { return std::exchange(bytes_, Bytes{}); }

  /// How this rank came to the sums and exchanges of a step.
  struct Arrivals {
    std::int32_t num_sums = 0;
    std::int32_t num_sums_last = 0;  ///< this rank came last
    float sum_wait_s = 0.0F;         ///< waiting for others' partial sums
    float expert_wait_s = 0.0F;      ///< waiting for others of the expert group
  };

  void count(parallel::SumArrival const& arrival) noexcept {
    ++arrivals_.num_sums;
    arrivals_.num_sums_last += arrival.came_last ? 1 : 0;
    arrivals_.sum_wait_s += static_cast<float>(arrival.wait_s);
  }

  void count_expert_wait(double seconds) noexcept {
    arrivals_.expert_wait_s += static_cast<float>(seconds);
  }

  /// Since the last call; begins anew.
  [[nodiscard]] Arrivals take_arrivals() noexcept { return std::exchange(arrivals_, Arrivals{}); }

  /// Seconds of a device, of steps that it has done.
  struct DeviceSeconds {
    float busy_s = 0.0F;  ///< at steps
    float idle_s = 0.0F;  ///< between one and the next
  };

  void add_device(double busy_s, double idle_s) noexcept {
    device_.busy_s += static_cast<float>(busy_s);
    device_.idle_s += static_cast<float>(idle_s);
  }

  /// Since the last call; begins anew.
  [[nodiscard]] DeviceSeconds take_device() noexcept {
    return std::exchange(device_, DeviceSeconds{});
  }

  /// What is counted of a step, whatever the time it takes.
  struct Counts {
    Bytes bytes{};
    std::int32_t num_sums = 0;

    friend Counts operator-(Counts left, Counts const& right) noexcept {
      for (std::size_t kind = 0; kind < left.bytes.size(); ++kind) {
        left.bytes[kind] -= right.bytes[kind];
      }
      left.num_sums -= right.num_sums;
      return left;
    }
  };

  [[nodiscard]] Counts counts() const noexcept { return {bytes_, arrivals_.num_sums}; }

  void set_counts(Counts const& counts) noexcept {
    bytes_ = counts.bytes;
    arrivals_.num_sums = counts.num_sums;
  }

  /// Counts once more what a part of a step did.
  void add(Counts const& counts) noexcept {
    for (std::size_t kind = 0; kind < bytes_.size(); ++kind) {
      bytes_[kind] += counts.bytes[kind];
    }
    arrivals_.num_sums += counts.num_sums;
  }

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
    if (log_ != nullptr) {
      log_->set_phase(phase_names[static_cast<std::size_t>(phase)]);
    }
    return before;
  }

  static inline std::array<parallel::CallText, io::num_phases> const phase_names = [] {
    std::array<parallel::CallText, io::num_phases> names;
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[i] = io::to_string(static_cast<io::Phase>(i));
    }
    return names;
  }();

  parallel::CallLog* log_ = nullptr;
  Bytes bytes_{};
  Arrivals arrivals_{};
  Seconds seconds_{};
  DeviceSeconds device_{};
  io::Phase phase_ = io::Phase::other;
  Clock::time_point since_ = Clock::now();
};

}  // namespace talus::runtime
