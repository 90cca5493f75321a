// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/lanes/segments.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::TALUS_TARGET {

/// A product of some rows with some panels of packed weights.
struct PanelProduct {
  MatrixView<float const> x;             ///< [rows, in]
  PackedWeights const* w = nullptr;      ///< [out, in]
  std::span<MatrixView<float> const> y;  ///< one [rows, out] for each node of the segments
  std::span<Segment const> segments;
};

/// A block of the product's outputs: rows [first_row, last_row) of panels [first_panel,
/// last_panel).
struct PanelBlock {
  std::int64_t first_row = 0;
  std::int64_t last_row = 0;
  std::int64_t first_panel = 0;
  std::int64_t last_panel = 0;
};

/// How a product is cut into blocks that threads work on: rows that fit the second-level cache,
/// times as many panels as a tile takes.
class BlockGrid {
 public:
  BlockGrid(std::int64_t rows, std::int64_t in, std::int64_t out);

  [[nodiscard]] std::int64_t count() const noexcept { return row_blocks_ * panel_groups_; }

  /// Blocks of the same panels follow one another, so that one thread reads them from memory.
  [[nodiscard]] PanelBlock block(std::int64_t index) const noexcept;

 private:
  std::int64_t rows_;
  std::int64_t panels_;
  std::int64_t row_blocks_;
  std::int64_t panel_groups_;
};

/// Computes one block. Bits of an output don't depend on the block it is in.
void multiply_block(PanelProduct const& product, PanelBlock const& block);

}  // namespace talus::kernels::TALUS_TARGET
