// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <span>

namespace talus::kernels {

/// Which rows of a matrix are which expert's: [offsets[e], offsets[e + 1]) those of expert e.
///
/// On a device, where the host doesn't know the offsets, a matrix may have more rows than there
/// are: as many as there may be at most. What is behind the last offset is neither read nor
/// written.
struct RowsByExpert {
  RowsByExpert() = default;

  /// A list of offsets alone will do.
  template <class Offsets>

  requires std::convertible_to<Offsets const&, std::span<std::int32_t const>> RowsByExpert(
      Offsets const& list, std::int64_t num_expected = 0)
      : offsets{list}, expected{num_expected} {}

  [[nodiscard]] std::int64_t num_experts() const noexcept { return std::ssize(offsets) - 1; }

  /// [experts + 1], ascending from 0, where activations are; on the host to the number of rows
  std::span<std::int32_t const> offsets;
  /// Rows that are reckoned with: what is launched is best for as many. 0: as many as the matrix
  /// has
  std::int64_t expected = 0;
};

}  // namespace talus::kernels
