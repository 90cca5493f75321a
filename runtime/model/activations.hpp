// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/buffer.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::runtime {

/// Memory for a step's activations of one kind, [tokens, columns], made for the largest step.
class Activations {
 public:
  Activations() = default;

  Activations(kernels::ExecContext const& exec, std::int64_t max_tokens, std::int64_t columns)
      : buffer_{exec, max_tokens * columns}, columns_{columns} {}

  /// The first `tokens` rows, contiguous.
  [[nodiscard]] MatrixView<float> rows(std::int64_t tokens) noexcept {
    return {buffer_.data(), tokens, columns_, columns_};
  }

  /// As rows(), in fewer columns, contiguous too.
  [[nodiscard]] MatrixView<float> rows(std::int64_t tokens, std::int64_t columns) noexcept {
    return {buffer_.data(), tokens, columns, columns};
  }

 private:
  kernels::Buffer<float> buffer_;
  std::int64_t columns_ = 0;
};

/// An array that grows to what was needed most, and is reused: for sizes that routing decides.
template <class T>
class GrowingBuffer {
 public:
  /// An uninitialised array of `size` elements; what was in it is gone.
  [[nodiscard]] std::span<T> need(kernels::ExecContext const& exec, std::int64_t size) {
    if (size > buffer_.size()) {
      buffer_ = kernels::Buffer<T>{exec, std::max(size, buffer_.size() * 3 / 2)};
    }
    return buffer_.span().first(static_cast<std::size_t>(size));
  }

 private:
  kernels::Buffer<T> buffer_;
};

}  // namespace talus::runtime
