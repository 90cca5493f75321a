// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/buffer.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::runtime {

/// Room in a context's memory for partial sums of one sum, each beginning at a line of a device's
/// cache.
class PartialRows {
 public:
  PartialRows(kernels::ExecContext const& exec, std::size_t num_rows, std::size_t max_elements)
      : num_rows_{static_cast<std::int64_t>(num_rows)},
        max_elements_{max_elements},
        stride_{round_up(static_cast<std::int64_t>(max_elements), line)},
        memory_{exec, num_rows_ * stride_} {}

  /// \return  [max_elements]
  [[nodiscard]] std::span<float> row(std::size_t number) noexcept {
    return {memory_.data() + static_cast<std::int64_t>(number) * stride_, max_elements_};
  }

  /// The first elements of all.
  ///
  /// \return  [rows, num_elements]
  [[nodiscard]] MatrixView<float const> first(std::size_t num_elements) const noexcept {
    return {memory_.data(), num_rows_, static_cast<std::int64_t>(num_elements), stride_};
  }

  [[nodiscard]] std::size_t max_elements() const noexcept { return max_elements_; }

 private:
  static constexpr std::int64_t line = 64;  ///< floats

  std::int64_t num_rows_;
  std::size_t max_elements_;
  std::int64_t stride_;
  kernels::Buffer<float> memory_;
};

}  // namespace talus::runtime
