// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_product.hpp"

#include "kernels/lanes/quantized_tile.hpp"
#include "kernels/lanes/segment_walk.hpp"
#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// What one tile does of a product: its rows of some panels.
struct TileJob {
  CodeProduct const& product;
  CodeLayout layout;
  CodeRows x;
  std::int64_t row = 0;
  std::int64_t panel = 0;
};

/// The sums over inputs [first, last) of whole chunks.
template <QuantKind Kind, int Rows, int Panels>
void accumulate(TileJob const& job, Segment const& segment, CodeTile<Kind, Rows, Panels>& result) {
  CodeTile<Kind, Rows, Panels> tile{};  // no pointer aliases it
  PackedWeights const& w = *job.product.w;
  std::int64_t const panel_bytes = job.layout.panel_bytes();
  bool const has_zeros = w.codes()->format.zero_points;
  for_each_chunk<Panels>(
      w,
      job.layout,
      job.panel,
      segment,
      [&](std::int64_t chunk, std::byte const* codes, auto const& headers)
          __attribute__((always_inline)) {
            unrolled<Panels>([&](auto p) __attribute__((always_inline)) {
              tile.add_chunk(p, job.x, chunk, codes + p * panel_bytes, headers[p], has_zeros);
            });
          });
  result = tile;
}

template <QuantKind Kind, int Rows, int Panels>
void store_tile(TileJob const& job, CodeTile<Kind, Rows, Panels> const& tile, MatrixView<float> y) {
  std::int64_t const row = job.product.row_offset + job.row;
  for (int p = 0; p < Panels; ++p) {
    std::int64_t const column = (job.panel + p) * num_lanes;
    for (int r = 0; r < Rows; ++r) {
      store_some(y.data + (row + r) * y.row_stride + column, tile.sums[p][r], y.cols - column);
    }
  }
}

template <QuantKind Kind, int Rows, int Panels>
void multiply_tile(TileJob const& job) {
  sum_segments<CodeTile<Kind, Rows, Panels>>(
      job.product,
      [&](Segment const& segment, auto& tile) { accumulate(job, segment, tile); },
      [&](auto const& tile, MatrixView<float> y) { store_tile(job, tile, y); });
}

template <QuantKind Kind>
void multiply_panels(CodeProduct const& product,
                     std::int64_t first_panel,
                     std::int64_t last_panel) {
  RowLayout const rows{product.w->in()};
  CodeLayout const layout{*product.w->codes(), product.w->in()};
  TileRows const tiles{product.x.rows};
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    std::int64_t const row = tiles.begin(t);
    with_tile_rows(tiles.begin(t + 1) - row, [&](auto tile_rows) {
      constexpr int width = streamed_panels(tile_rows());
      TileJob job{product, layout, {product.rows + row * rows.bytes(), rows}, row, first_panel};
      for (; job.panel + width <= last_panel; job.panel += width) {
        multiply_tile<Kind, tile_rows(), width>(job);
      }
      for (; job.panel < last_panel; ++job.panel) {
        multiply_tile<Kind, tile_rows(), 1>(job);
      }
    });
  }
}

}  // namespace

void multiply_in_lanes(CodeProduct const& product,
                       std::int64_t first_panel,
                       std::int64_t last_panel) {
  switch (product.w->codes()->format.kind) {
    case QuantKind::int8:
      return multiply_panels<QuantKind::int8>(product, first_panel, last_panel);
    case QuantKind::int4:
      return multiply_panels<QuantKind::int4>(product, first_panel, last_panel);
    case QuantKind::mxfp4:
      return multiply_panels<QuantKind::mxfp4>(product, first_panel, last_panel);
    case QuantKind::fp8_e4m3:
      return;  // see float_codes.hpp
  }
}

}  // namespace talus::kernels::TALUS_TARGET
