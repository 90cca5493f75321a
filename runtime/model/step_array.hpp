// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/mirror.hpp"

namespace talus::runtime {

/// A small array that the host fills anew for each step, with a mirror: it is brought to a device
/// where it isn't what is there.
template <class T>
class StepArray {
 public:
  static_assert(std::is_trivially_copyable_v<T>);

  StepArray() = default;

  /// Steps of up to `most` elements take no further memory of the device.
  ///
  /// \throws OutOfMemory  of the device
  StepArray(kernels::ExecContext const& exec, std::int64_t most)
      : values_(static_cast<std::size_t>(most)) {
    publish(exec);
  }

  /// Begins anew; keeps memory.
  void clear() noexcept { values_.clear(); }

  void push_back(T const& value) { values_.push_back(value); }

  /// To be called when it is filled, before operations are given it.
  ///
  /// \throws OutOfMemory  of the device
  void publish(kernels::ExecContext const& exec) {
    if (exec.device != nullptr && !is_published()) {
      mirror_.publish<T>(exec, values_);
      published_ = values_;
      place_ = values_.data();
    }
  }

  [[nodiscard]] std::span<T const> values() const noexcept { return values_; }

 private:
  [[nodiscard]] bool is_published() const noexcept {
    return place_ == values_.data() && published_.size() == values_.size() &&
           (values_.empty() ||
            std::memcmp(published_.data(), values_.data(), values_.size() * sizeof(T)) == 0);
  }

  std::vector<T> values_;
  std::vector<T> published_;  ///< what is on the device
  T const* place_ = nullptr;  ///< where it was on the host
  kernels::Mirror mirror_;
};

}  // namespace talus::runtime
