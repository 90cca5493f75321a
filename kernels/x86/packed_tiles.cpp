// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/lanes/row_panels.hpp"
#include "kernels/x86/tile_functions.hpp"
#include "kernels/x86/tile_layout.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Some rows that lie in one panel, from its input `first_input` on.
void pack_panel(RawRows const& rows,
                PanelRows const& part,
                std::int64_t first_input,
                std::uint16_t* panel) {
  RowStrips<std::uint16_t> strips;
  for (std::int64_t col = 0; col < rows.cols; col += strip_columns) {
    std::int64_t const count = std::min(strip_columns, rows.cols - col);
    for (std::int64_t row = part.first; row < part.last; ++row) {
      read_strip(rows, row, col, count, strips[row - part.first]);
    }
    for (std::int64_t j = 0; j < count; ++j) {
      std::int64_t const input = first_input + col + j;
      std::uint16_t* const to = panel + input / 2 * 2 * tile_outputs + input % 2;
      for (std::int64_t i = 0; i < part.last - part.first; ++i) {
        to[(part.lane + i) * 2] = strips[i][j];
      }
    }
  }
}

}  // namespace

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  if (dtype != DType::bf16) {
    return TALUS_BASE_TARGET::operations().weight_bytes(out, in, dtype);
  }
  std::int64_t const panels = (out + tile_outputs - 1) / tile_outputs;
  // The last tile of the last panel may read beyond its inputs.
  std::int64_t const beyond = tile_inputs * tile_outputs;
  return (panels * panel_elements(in) + beyond) * size_of(dtype);
}

void pack_rows(ExecContext const& exec,
               WeightStore const& store,
               MatrixOrigin origin,
               RawRows const& rows) {
  if (store.dtype != DType::bf16) {
    return TALUS_BASE_TARGET::operations().pack_rows(exec, store, origin, rows);
  }
  auto* const weights = reinterpret_cast<std::uint16_t*>(store.data);
  for_each_panel(exec, origin, rows, [&](PanelRows const& part) {
    pack_panel(rows, part, origin.col, weights + part.panel * panel_elements(store.in));
  });
}

}  // namespace talus::kernels::TALUS_TARGET
