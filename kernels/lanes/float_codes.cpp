// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/float_codes.hpp"

#include "kernels/lanes/kv_words.hpp"
#include "kernels/lanes/quantized_tile.hpp"
#include "kernels/lanes/segment_walk.hpp"
#include "kernels/lanes/tile_results.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

/// What one tile does of a product: its rows of some panels.
struct TileJob {
  CodeProduct const& product;
  CodeLayout layout;
  std::int64_t row = 0;
  std::int64_t panel = 0;
};

/// A chunk's codes of some panels.
struct ChunkCodes {
  std::byte const* data = nullptr;
  std::int64_t panel_bytes = 0;
  std::int64_t inputs = 0;  ///< of the chunk that count
};

/// A tile's sums, and the scales of the group that it is in, times 2^120.
template <int Rows, int Panels>
struct FloatTile {
  Tile<Rows, Panels> tile;
  Lanes scales[std::size_t{Panels}];

  /// Adds a chunk's products with `left`, rows `row_stride` apart.
  [[gnu::always_inline]] void add_chunk(float const* left,
                                        std::int64_t row_stride,
                                        ChunkCodes const& codes) {
    auto const* from = reinterpret_cast<std::uint8_t const*>(codes.data);
    std::int64_t inputs = codes.inputs;
    for (; inputs >= four; inputs -= four) {
      add_inputs(left, row_stride, from, codes.panel_bytes, four);
      left += four;
      from += block_codes;
    }
    if (inputs > 0) {
      add_inputs(left, row_stride, from, codes.panel_bytes, inputs);
    }
  }

 private:
  /// Adds the products of the first `count` of four inputs: panel by panel, so that words and
  /// sums have registers.
  [[gnu::always_inline]] void add_inputs(float const* left,
                                         std::int64_t row_stride,
                                         std::uint8_t const* from,
                                         std::int64_t panel_bytes,
                                         std::int64_t count) {
    unrolled<Panels>([&](auto p) __attribute__((always_inline)) {
      Words const words = load_words(from + p * panel_bytes);
      unrolled<four>([&](auto k) __attribute__((always_inline)) {
        constexpr int index = k();
        if (index >= count) {
          return;
        }
        auto const widen = [](NativeWords part) { return small_e4m3(part, index); };
        Lanes const weights = map(widen, words) * scales[p];
        unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
          NativeFloats const value = native_broadcast(left[row * row_stride + index]);
          unrolled<native_parts>([&](auto part) __attribute__((always_inline)) {
            add_product(tile.sums[row][p].part[part], value, weights.part[part]);
          });
        });
      });
    });
  }
};

/// The sums over a segment.
template <int Rows, int Panels>
Tile<Rows, Panels> sum_of(TileJob const& job, Segment const& segment) {
  FloatTile<Rows, Panels> sums{};
  MatrixView<float const> const& x = job.product.x;
  float const* const left = x.data + job.row * x.row_stride;
  for_each_chunk<Panels>(
      *job.product.w,
      job.layout,
      job.panel,
      segment,
      [&](std::int64_t chunk, std::byte const* codes, auto const& headers)
          __attribute__((always_inline)) {
            unrolled<Panels>([&](auto p) __attribute__((always_inline)) {
              sums.scales[p] = headers[p].scales * broadcast(0x1p120F);
            });
            std::int64_t const first = chunk * quant_chunk;
            sums.add_chunk(
                left + first,
                x.row_stride,
                {codes, job.layout.panel_bytes(), std::min(quant_chunk, segment.last - first)});
          });
  return sums.tile;
}

template <int Rows, int Panels>
void multiply_tile(TileJob const& job) {
  CodeProduct const& product = job.product;
  sum_segments<Tile<Rows, Panels>>(
      product,
      [&](Segment const& segment, auto& tile) { tile = sum_of<Rows, Panels>(job, segment); },
      [&](auto const& tile, MatrixView<float> y) {
        store_tile(tile, y, product.row_offset + job.row, job.panel);
      });
}

}  // namespace

void multiply_float_codes(CodeProduct const& product,
                          std::int64_t first_panel,
                          std::int64_t last_panel) {
  CodeLayout const layout{*product.w->codes(), product.w->in()};
  TileRows const tiles{product.x.rows};
  for (std::int64_t t = 0; t < tiles.count(); ++t) {
    std::int64_t const row = tiles.begin(t);
    with_tile_rows(tiles.begin(t + 1) - row, [&](auto rows) {
      constexpr int width = tile_panels(rows());
      TileJob job{product, layout, row, first_panel};
      for (; job.panel + width <= last_panel; job.panel += width) {
        multiply_tile<rows(), width>(job);
      }
      for (; job.panel < last_panel; ++job.panel) {
        multiply_tile<rows(), 1>(job);
      }
    });
  }
}

}  // namespace talus::kernels::TALUS_TARGET
