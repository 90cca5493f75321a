// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/row_panels.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// Some rows that lie in one panel, from its input `first_input` on.
template <class Weight>
void pack_panel(RawRows const& rows,
                PanelRows const& part,
                std::int64_t first_input,
                Weight* panel) {
  RowStrips<Weight> strips;
  std::int64_t const num_rows = part.last - part.first;
  for (std::int64_t col = 0; col < rows.cols; col += strip_columns) {
    std::int64_t const count = std::min(strip_columns, rows.cols - col);
    for (std::int64_t row = part.first; row < part.last; ++row) {
      read_strip(rows, row, col, count, strips[row - part.first]);
    }
    turn_strips(strips, {num_rows, count}, {first_input + col, part.lane}, panel);
  }
}

template <class Weight>
void pack(ExecContext const& exec,
          WeightStore const& store,
          MatrixOrigin origin,
          RawRows const& rows) {
  auto* const weights = reinterpret_cast<Weight*>(store.data);
  for_each_panel(exec, origin, rows, [&](PanelRows const& part) {
    pack_panel(rows, part, origin.col, weights + part.panel * panel_elements<Weight>(store.in));
  });
}

}  // namespace

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  std::int64_t const panels = (out + num_lanes - 1) / num_lanes;
  return panels * size_of(dtype) *
         (dtype == DType::f32 ? panel_elements<float>(in) : panel_elements<std::uint16_t>(in));
}

void pack_rows(ExecContext const& exec,
               WeightStore const& store,
               MatrixOrigin origin,
               RawRows const& rows) {
  if (store.dtype == DType::f32) {
    pack<float>(exec, store, origin, rows);
  } else {
    pack<std::uint16_t>(exec, store, origin, rows);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
