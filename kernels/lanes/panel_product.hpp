// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/lanes/segments.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::TALUS_TARGET {

/// A product of some rows with some panels of packed weights.
struct PanelProduct {
  MatrixView<float const> x;         ///< [rows, in]
  PackedWeights const* w = nullptr;  ///< [out, in]
  MatrixView<float> y;               ///< [rows, out], where there are no partial sums
  std::span<Segment const> segments;
  std::int64_t first_packed_row = 0;              ///< of x among the rows packed with it
  std::span<MatrixView<float> const> partials{};  ///< one [rows, out] for each node of the segments
  float const* packed = nullptr;                  ///< x as pack_tile() leaves it, or none
};

/// The tiles of a product that x is packed for: none where there are few rows.
[[nodiscard]] std::int64_t num_packed_tiles(std::int64_t rows);

/// Floats that a packed row takes.
[[nodiscard]] std::int64_t packed_row_size(PanelProduct const& product);

/// Copies the rows of one tile of x side by side, so that a tile reads one stream. Tiles lie one
/// after another from `packed` on, packed_row_size() for each row.
///
/// In lanes, element (row, i) of a tile of n rows comes to i * n + row.
void pack_tile(PanelProduct const& product, std::int64_t tile, float* packed);

/// Panels of weights [first, last).
struct PanelRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// How a product is cut into groups of panels that threads work on.
class PanelGroups {
 public:
  PanelGroups(std::int64_t rows, std::int64_t out);

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }

  [[nodiscard]] PanelRange group(std::int64_t index) const noexcept {
    return {index * panels_ / count_, (index + 1) * panels_ / count_};
  }

 private:
  std::int64_t panels_;
  std::int64_t count_;
};

/// Computes the outputs of a group of panels, at most max_group_panels. Bits of an output don't
/// depend on the group it is in.
void multiply_group(PanelProduct const& product, PanelRange panels);

}  // namespace talus::kernels::TALUS_TARGET
