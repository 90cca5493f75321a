// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/functions.hpp"
#include "kernels/lanes/row_panels.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr std::int64_t panel_outputs = PackedWeights::panel_outputs;

/// Some rows that lie in one panel; `panel` points to column origin.col of that panel.
template <class Weight>
void pack_panel(RawRows const& rows, PanelRows const& part, Weight* panel) {
  RowStrips<Weight> strips;
  for (std::int64_t col = 0; col < rows.cols; col += strip_columns) {
    std::int64_t const count = std::min(strip_columns, rows.cols - col);
    for (std::int64_t row = part.first; row < part.last; ++row) {
      read_strip(rows, row, col, count, strips[row - part.first]);
    }
    turn_strips(strips, part.last - part.first, count, part.lane, panel + col * panel_outputs);
  }
}

template <class Weight>
void pack(ExecContext const& exec,
          WeightStore const& store,
          MatrixOrigin origin,
          RawRows const& rows) {
  auto* const weights = reinterpret_cast<Weight*>(store.data);
  for_each_panel(exec, origin, rows, [&](PanelRows const& part) {
    pack_panel(rows, part, weights + (part.panel * store.in + origin.col) * panel_outputs);
  });
}

}  // namespace

std::int64_t weight_bytes(std::int64_t out, std::int64_t in, DType dtype) {
  std::int64_t const panels = (out + panel_outputs - 1) / panel_outputs;
  return panels * panel_outputs * in * size_of(dtype);
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
