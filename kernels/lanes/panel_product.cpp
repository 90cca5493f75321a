// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/panel_product.hpp"

#include <algorithm>

#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr std::int64_t panel_outputs = PackedWeights::panel_outputs;
static_assert(panel_outputs == num_lanes);

/// Elements of x in a block of rows: half of a common second-level cache, next to a panel.
constexpr std::int64_t block_elements = 64 * 1024;

template <int Rows, int Panels>
void store_tile(Tile<Rows, Panels> const& tile,
                MatrixView<float> y,
                std::int64_t row,
                std::int64_t panel) {
  for (int r = 0; r < Rows; ++r) {
    for (int p = 0; p < Panels; ++p) {
      std::int64_t const column = (panel + p) * num_lanes;
      store_some(y.data + (row + r) * y.row_stride + column, tile.sums[r][p], y.cols - column);
    }
  }
}

template <int Rows, int Panels>
void fold(Tile<Rows, Panels>& tile, Tile<Rows, Panels> const& older) {
  for (int r = 0; r < Rows; ++r) {
    for (int p = 0; p < Panels; ++p) {
      tile.sums[r][p] = older.sums[r][p] + tile.sums[r][p];
    }
  }
}

/// All segments of a tile whose first output is (row, panel).
template <int Rows, int Panels, class Weight>
void multiply_tile(PanelProduct const& product, std::int64_t row, std::int64_t panel) {
  TileInput const x{product.x.data + row * product.x.row_stride, product.x.row_stride, 1};
  std::int64_t const panel_stride = product.w->in() * num_lanes;
  auto const* const weights = reinterpret_cast<Weight const*>(product.w->data());
  TileWeights<Weight> const w{weights + panel * panel_stride, panel_stride, num_lanes};
  Tile<Rows, Panels> stack[Segments::max_depth];
  int depth = 0;

  for (Segment const& segment : product.segments) {
    Tile<Rows, Panels> tile{};
    tile.accumulate(x, w, segment.first, segment.last);
    for (std::int32_t i = 0; i < segment.folds; ++i) {
      fold(tile, stack[--depth]);
    }
    if (segment.node < 0) {
      stack[depth++] = tile;
    } else {
      store_tile(tile, product.y[static_cast<std::size_t>(segment.node)], row, panel);
    }
  }
}

template <class Weight>
void multiply_rows(PanelProduct const& product,
                   PanelBlock const& block,
                   std::int64_t first_row,
                   std::int64_t last_row) {
  with_tile_rows(last_row - first_row, [&](auto rows) {
    constexpr int panels = tile_panels(rows());
    std::int64_t panel = block.first_panel;
    for (; panel + panels <= block.last_panel; panel += panels) {
      multiply_tile<rows(), panels, Weight>(product, first_row, panel);
    }
    for (; panel < block.last_panel; ++panel) {
      multiply_tile<rows(), 1, Weight>(product, first_row, panel);
    }
  });
}

template <class Weight>
void multiply(PanelProduct const& product, PanelBlock const& block) {
  TileRows const tiles{block.last_row - block.first_row};
  for (std::int64_t tile = 0; tile < tiles.count(); ++tile) {
    multiply_rows<Weight>(product,
                          block,
                          block.first_row + tiles.begin(tile),
                          block.first_row + tiles.begin(tile + 1));
  }
}

}  // namespace

BlockGrid::BlockGrid(std::int64_t rows, std::int64_t in, std::int64_t out)
    : rows_{rows}, panels_{(out + panel_outputs - 1) / panel_outputs} {
  std::int64_t const fitting = block_elements / std::max<std::int64_t>(in, 1);
  std::int64_t const block_rows =
      std::max<std::int64_t>(fitting / max_tile_rows, 2) * max_tile_rows;
  row_blocks_ = (rows + block_rows - 1) / block_rows;
  std::int64_t const group =
      tile_panels(static_cast<int>(std::clamp<std::int64_t>(rows, 1, max_tile_rows)));
  panel_groups_ = (panels_ + group - 1) / group;
}

PanelBlock BlockGrid::block(std::int64_t index) const noexcept {
  std::int64_t const group = index / row_blocks_;
  std::int64_t const rows = index % row_blocks_;
  return {rows * rows_ / row_blocks_,
          (rows + 1) * rows_ / row_blocks_,
          group * panels_ / panel_groups_,
          (group + 1) * panels_ / panel_groups_};
}

void multiply_block(PanelProduct const& product, PanelBlock const& block) {
  if (product.w->dtype() == DType::f32) {
    multiply<float>(product, block);
  } else {
    multiply<std::uint16_t>(product, block);
  }
}

}  // namespace talus::kernels::TALUS_TARGET
