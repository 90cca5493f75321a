// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_product.hpp"

#include "kernels/lanes/quantized_tile.hpp"
#include "kernels/lanes/tile.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// One tile's panel of a product.
struct TileJob {
  CodeProduct const& product;
  CodeLayout layout;
  CodeRows x;
  std::int64_t row = 0;
  std::int64_t panel = 0;
};

/// The sums over inputs [first, last) of whole chunks.
template <QuantKind Kind, int Rows>
void accumulate(TileJob const& job, Segment const& segment, CodeTile<Kind, Rows>& tile) {
  if (segment.first == segment.last) {
    return;
  }
  QuantStorage const& storage = *job.product.w->codes();
  CodeLayout const& layout = job.layout;
  std::byte const* const panel = job.product.w->data() + job.panel * layout.panel_bytes();
  bool const has_zeros = storage.format.zero_points;
  std::int64_t chunk = segment.first / quant_chunk;
  std::int64_t const last = (segment.last + quant_chunk - 1) / quant_chunk;
  std::int64_t group = layout.group_of(chunk);
  std::byte const* header = panel + layout.header_at(group);
  std::byte const* codes = panel + layout.codes_at(chunk);
  while (chunk < last) {
    GroupHeader const scales{header, storage, layout.scale_bytes()};
    std::int64_t const end = std::min(last, layout.end_of(group));
    for (; chunk < end; ++chunk) {
      tile.add_chunk(job.x, chunk, codes, scales, has_zeros);
      codes += layout.chunk_bytes();
    }
    header = codes;
    codes += layout.header_bytes();
    ++group;
  }
}

template <QuantKind Kind, int Rows>
void multiply_tile(TileJob const& job) {
  CodeTile<Kind, Rows> stack[Segments::max_depth];
  int depth = 0;
  for (Segment const& segment : job.product.segments) {
    CodeTile<Kind, Rows> tile{};
    accumulate(job, segment, tile);
    for (std::int32_t i = 0; i < segment.folds; ++i) {
      --depth;
      for (int r = 0; r < Rows; ++r) {
        tile.sums[r] = stack[depth].sums[r] + tile.sums[r];
      }
    }
    if (segment.node < 0) {
      stack[depth++] = tile;
      continue;
    }
    auto const& partials = job.product.partials;
    MatrixView<float> const y =
        partials.empty() ? job.product.y : partials[static_cast<std::size_t>(segment.node)];
    std::int64_t const row = job.product.row_offset + job.row;
    std::int64_t const column = job.panel * num_lanes;
    for (int r = 0; r < Rows; ++r) {
      store_some(y.data + (row + r) * y.row_stride + column, tile.sums[r], y.cols - column);
    }
  }
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
      TileJob job{product, layout, {product.rows + row * rows.bytes(), rows}, row, first_panel};
      for (; job.panel < last_panel; ++job.panel) {
        multiply_tile<Kind, tile_rows()>(job);
      }
    });
  }
}

}  // namespace

void multiply_codes(CodeProduct const& product, std::int64_t first_panel, std::int64_t last_panel) {
  switch (product.w->codes()->format.kind) {
    case QuantKind::int8:
      return multiply_panels<QuantKind::int8>(product, first_panel, last_panel);
    case QuantKind::int4:
      return multiply_panels<QuantKind::int4>(product, first_panel, last_panel);
    case QuantKind::mxfp4:
      return multiply_panels<QuantKind::mxfp4>(product, first_panel, last_panel);
    case QuantKind::fp8_e4m3:
      return;  // dequantised at load
  }
}

}  // namespace talus::kernels::TALUS_TARGET
