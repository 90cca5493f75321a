// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/event_timer.hpp"

#include <utility>

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/device.hpp"

namespace talus::kernels::cuda {
namespace {

double seconds_between(Event const& first, Event const& last) {
  float milliseconds = 0.0F;
  check(cudaEventElapsedTime(&milliseconds, first.get(), last.get()), "cudaEventElapsedTime");
  return static_cast<double>(milliseconds) * 1e-3;
}

bool is_done(Event const& event) {
  cudaError_t const state = cudaEventQuery(event.get());
  if (state != cudaErrorNotReady) {
    check(state, "cudaEventQuery");
  }
  return state == cudaSuccess;
}

}  // namespace

EventTimer::Span EventTimer::unused_span() {
  if (unused_.empty()) {
    return {make_event(cudaEventDefault), make_event(cudaEventDefault)};
  }
  Span span = std::move(unused_.back());
  unused_.pop_back();
  return span;
}

void EventTimer::begin() {
  Span span = unused_span();
  check(cudaEventRecord(span.begin.get(), stream_), "cudaEventRecord");
  open_.push_back(std::move(span));
}

void EventTimer::end() {
  check(cudaEventRecord(open_.back().end.get(), stream_), "cudaEventRecord");
}

DeviceTimes EventTimer::take() {
  DeviceTimes times;
  while (!open_.empty() && is_done(open_.front().end)) {
    Span span = std::move(open_.front());
    open_.pop_front();
    times.busy += seconds_between(span.begin, span.end);
    if (last_.end) {
      times.idle += seconds_between(last_.end, span.begin);
      unused_.push_back(std::move(last_));
    }
    last_ = std::move(span);
  }
  return times;
}

std::unique_ptr<DeviceTimer> Device::make_timer() {
  return std::make_unique<EventTimer>(stream_.get());
}

}  // namespace talus::kernels::cuda
