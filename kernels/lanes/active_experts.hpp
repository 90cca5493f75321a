// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/detail/limits.hpp"

namespace talus::kernels::TALUS_TARGET {

/// The experts that have rows, and which.
class ActiveExperts {
 public:
  /// \param offsets  [experts + 1] expert e has the rows [offsets[e], offsets[e + 1])
  explicit ActiveExperts(std::span<std::int32_t const> offsets) : offsets_{offsets} {
    for (std::size_t e = 0; e + 1 < offsets.size(); ++e) {
      if (offsets[e + 1] > offsets[e]) {
        experts_[count_++] = static_cast<std::int32_t>(e);
        most_rows_ = std::max<std::int64_t>(most_rows_, offsets[e + 1] - offsets[e]);
      }
    }
  }

  [[nodiscard]] std::int64_t count() const noexcept { return static_cast<std::int64_t>(count_); }

  /// Of one expert.
  [[nodiscard]] std::int64_t most_rows() const noexcept { return most_rows_; }

  /// Number of active expert i.
  [[nodiscard]] std::size_t expert(std::int64_t i) const noexcept {
    return static_cast<std::size_t>(experts_[static_cast<std::size_t>(i)]);
  }

  [[nodiscard]] std::int64_t first_row(std::int64_t i) const noexcept {
    return offsets_[expert(i)];
  }

  [[nodiscard]] std::int64_t num_rows(std::int64_t i) const noexcept {
    return offsets_[expert(i) + 1] - offsets_[expert(i)];
  }

 private:
  std::span<std::int32_t const> offsets_;
  std::array<std::int32_t, max_experts> experts_;
  std::size_t count_ = 0;
  std::int64_t most_rows_ = 0;
};

}  // namespace talus::kernels::TALUS_TARGET
