// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/lanes/quantized_rows.hpp"
#include "kernels/lanes/segments.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::TALUS_TARGET {

/// A product of some rows with quantised weights.
struct CodeProduct {
  MatrixView<float const> x;         ///< [rows, in]
  PackedWeights const* w = nullptr;  ///< [out, in]
  MatrixView<float> y;               ///< [rows, out], where there are no partial sums
  std::span<Segment const> segments;
  std::span<MatrixView<float> const> partials{};  ///< one [rows, out] for each node of the segments
  std::int64_t row_offset = 0;                    ///< of the results: where the rows begin in them
  std::int64_t first_row = 0;                     ///< among the rows of all products of a set
  std::byte* rows = nullptr;                      ///< [rows] x quantised, as RowLayout says
};

/// Computes all rows of panels [first, last). Bits of an output don't depend on the panels or rows
/// that it is computed with.
void multiply_codes(CodeProduct const& product, std::int64_t first_panel, std::int64_t last_panel);

/// The same with vector instructions alone, where a target has others, too.
void multiply_in_lanes(CodeProduct const& product,
                       std::int64_t first_panel,
                       std::int64_t last_panel);

#if !TALUS_TARGET_HAS_TILES
inline void multiply_codes(CodeProduct const& product,
                           std::int64_t first_panel,
                           std::int64_t last_panel) {
  multiply_in_lanes(product, first_panel, last_panel);
}
#endif

}  // namespace talus::kernels::TALUS_TARGET
