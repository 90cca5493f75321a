// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <vector>

#include "kernels/cuda/handles.hpp"
#include "kernels/device_timer.hpp"

namespace talus::kernels::cuda {

/// Spans between events of a stream. Never run on a card yet.
class EventTimer final : public DeviceTimer {
 public:
  /// \param stream  outlives this
  explicit EventTimer(cudaStream_t stream) : stream_{stream} {}

  void begin() override;
  void end() override;
  [[nodiscard]] DeviceTimes take() override;

 private:
  struct Span {
    Event begin;
    Event end;
  };

  [[nodiscard]] Span unused_span();

  cudaStream_t stream_;
  std::deque<Span> open_;     ///< not told yet, oldest first
  Span last_;                 ///< told last
  std::vector<Span> unused_;  ///< whose events can be used again
};

}  // namespace talus::kernels::cuda
