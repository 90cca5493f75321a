// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/lanes/lanes.hpp"
#include "kernels/lanes/panel_layout.hpp"
#include "kernels/lanes/panel_product.hpp"
#include "kernels/lanes/segment_walk.hpp"
#include "kernels/x86/rounded_input.hpp"
#include "kernels/x86/tile_registers.hpp"
#include "kernels/x86/tile_sums.hpp"

/// \file
/// lanes/panel_product.hpp with the tile registers of AMX: x rounded to bfloat16, products of
/// bfloat16 summed in float32, 32 inputs at a time.

namespace talus::kernels::TALUS_TARGET {
namespace {

/// What a pass over some panels works on.
struct Pass {
  PanelProduct const& product;
  RowTile rows;
  std::uint16_t const* x[2];  ///< packed blocks of the first and the second tile of rows
  std::int64_t panel = 0;
};

template <int Halves, int Panels>
TileShapes shapes_of(RowTile const& rows) {
  TileShapes shapes = shapes_without_weights<Halves, Panels>(rows);
  shapes.rows[6] = tile_rows;
  shapes.rows[7] = tile_rows;
  return shapes;
}

/// One block of inputs: sums tiles 0 to 3, x in tiles 4 and 5, weights in 6 and 7.
template <int Halves, int Panels, int P>
void multiply_panel(TileRegisters& tiles, std::uint16_t const* weights) {
  constexpr int right = 6 + P % 2;
  tiles.template load<right>(weights, 64);
  tiles.template multiply<P, 4, right>();
  if constexpr (Halves == 2) {
    tiles.template multiply<Panels + P, 5, right>();
  }
}

template <int Halves, int Panels>
void multiply_block(TileRegisters& tiles,
                    std::uint16_t const* const* x,
                    std::uint16_t const* weights,
                    std::int64_t panel_stride) {
  tiles.template load<4>(x[0], 64);
  if constexpr (Halves == 2) {
    tiles.template load<5>(x[1], 64);
  }
  [&]<int... P>(std::integer_sequence<int, P...>) {
    (multiply_panel<Halves, Panels, P>(tiles, weights + P * panel_stride), ...);
  }
  (std::make_integer_sequence<int, Panels>{});
}

template <int Halves, int Panels>
void zero_sums(TileRegisters& tiles) {
  [&]<int... T>(std::integer_sequence<int, T...>) {
    (tiles.template zero<T>(), ...);
  }
  (std::make_integer_sequence<int, Halves * Panels>{});
}

template <int Halves, int Panels>
void store_sums(TileRegisters const& tiles, PassSums<Halves, Panels>& sums) {
  [&]<int... T>(std::integer_sequence<int, T...>) {
    (tiles.template store<T>(sums.tiles[T], 64), ...);
  }
  (std::make_integer_sequence<int, Halves * Panels>{});
}

/// All segments of the sums of up to two tiles of rows and four panels.
template <int Halves, int Panels>
void multiply_pass(TileRegisters& tiles, Pass const& pass) {
  PanelProduct const& product = pass.product;
  std::int64_t const panel_stride = panel_elements<std::uint16_t>(product.w->in());
  auto const* const weights =
      reinterpret_cast<std::uint16_t const*>(product.w->data()) + pass.panel * panel_stride;
  std::uint16_t const* x[2] = {pass.x[0], pass.x[1]};
  tiles.configure(shapes_of<Halves, Panels>(pass.rows));
  sum_segments<PassSums<Halves, Panels>>(
      product,
      [&](Segment const& segment, auto& sums) {
        zero_sums<Halves, Panels>(tiles);
        std::uint16_t const* right = weights + first_input(segment) * tile_outputs;
        for (std::int64_t block = 0; block < num_blocks(segment); ++block) {
          multiply_block<Halves, Panels>(tiles, x, right, panel_stride);
          x[0] += pass.rows.rows_of(0) * tile_inputs;
          x[1] += pass.rows.rows_of(1) * tile_inputs;
          right += tile_inputs * tile_outputs;
        }
        store_sums(tiles, sums);
      },
      [&](auto const& sums, MatrixView<float> y) {
        store_results({pass.rows, pass.panel, 0}, sums, y);
      });
}

template <int Halves, int Panels>
void multiply_panels(TileRegisters& tiles, Pass pass, PanelRange panels) {
  for (; pass.panel + Panels <= panels.last; pass.panel += Panels) {
    multiply_pass<Halves, Panels>(tiles, pass);
  }
  for (; pass.panel < panels.last; ++pass.panel) {
    multiply_pass<Halves, 1>(tiles, pass);
  }
}

}  // namespace

std::int64_t num_packed_tiles(std::int64_t rows) {
  return (rows + max_rows - 1) / max_rows;
}

void pack_tile(PanelProduct const& product, std::int64_t tile, float* packed) {
  MatrixView<float const> const& x = product.x;
  RowTile const rows{tile, x.rows};
  auto* to = reinterpret_cast<std::uint16_t*>(packed + rows.first * packed_row_size(product));
  for (std::int64_t half = 0; half < 2; ++half) {
    std::int64_t const first = rows.first + half * tile_rows;
    for (Segment const& segment : product.segments) {
      for (std::int64_t block = 0; block < num_blocks(segment); ++block) {
        std::int64_t const input = first_input(segment) + block * tile_inputs;
        for (std::int64_t r = 0; r < rows.rows_of(half); ++r, to += tile_inputs) {
          pack_row(x.data + (first + r) * x.row_stride, segment, input, to);
        }
      }
    }
  }
}

void multiply_group(PanelProduct const& product, PanelRange panels) {
  TileRegisters tiles;
  std::int64_t const inputs = padded_inputs(product);
  for (std::int64_t tile = 0; tile < num_packed_tiles(product.x.rows); ++tile) {
    RowTile const rows{tile, product.x.rows};
    auto const* const first =
        reinterpret_cast<std::uint16_t const*>(product.packed) + rows.first * inputs;
    Pass const pass{product, rows, {first, first + rows.rows_of(0) * inputs}, panels.first};
    if (rows.rows_of(1) > 0) {
      multiply_panels<2, 2>(tiles, pass, panels);
    } else {
      multiply_panels<1, 4>(tiles, pass, panels);
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
