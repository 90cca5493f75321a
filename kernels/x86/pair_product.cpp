// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstddef>
#include <cstring>

#include "kernels/lanes/segment_walk.hpp"
#include "kernels/lanes/tile_results.hpp"
#include "kernels/x86/rounded_input.hpp"

/// \file
/// lanes/panel_product.hpp with the instruction that adds products of two bfloat16 to each lane
/// (AVX512-BF16): x rounded to bfloat16, too. Nothing is widened, and an instruction does the work
/// of two.

namespace talus::kernels::TALUS_TARGET {
namespace {

constexpr std::int64_t block_words = tile_inputs / 2;

/// Words of two inputs that a segment takes, without those that fill up its last block.
std::int64_t num_words(Segment const& segment) {
  return segment.last == segment.first ? 0 : (segment.last - first_input(segment) + 1) / 2;
}

/// In each lane, sum += w1 * x1, then sum += w0 * x0, for a word {w0, w1} of weights and the word
/// {x0, x1} in memory.
[[gnu::always_inline]] inline void add_pair(NativeFloats& sum,
                                            NativeWords w,
                                            std::uint32_t const* x) {
#if TALUS_EMULATES_PAIRS
  auto const upper = [](NativeWords words) {
    return std::bit_cast<NativeFloats>(words & 0xFFFF0000U);
  };
  NativeWords const word = *x - NativeWords{};
  sum += upper(w) * upper(word);
  sum += upper(w << 16U) * upper(word << 16U);
#else
  __asm__("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*x));
#endif
}

/// The sum of the products of `count` words of Rows rows, which lie side by side.
template <int Rows, int Panels>
[[gnu::always_inline]] inline Tile<Rows, Panels> sum_of_words(std::uint32_t const* x,
                                                              TileWeights<std::uint16_t> w,
                                                              std::int64_t count) {
  constexpr int parts = Panels * native_parts;
  Tile<Rows, Panels> tile{};  // no pointer aliases it: in registers
  for (std::int64_t i = 0; i < count; ++i) {
    NativeWords weights[std::size_t{parts}];
    unrolled<parts>([&](auto part) __attribute__((always_inline)) {
      std::uint16_t const* const panel = w.data + part() / native_parts * w.panel_stride;
      std::memcpy(
          &weights[part], panel + part() % native_parts * native_lanes * 2, sizeof weights[part]);
    });
    unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
      unrolled<parts>([&](auto part) __attribute__((always_inline)) {
        add_pair(tile.sums[row][part() / native_parts].part[part() % native_parts],
                 weights[part],
                 x + row());
      });
    });
    x += Rows;
    w.data += 2 * num_lanes;
  }
  return tile;
}

/// All segments of the sums of a tile of rows from `row` on, and of panels from `panel` on.
template <int Rows, int Panels>
void multiply_tile(PanelProduct const& product, std::int64_t row, std::int64_t panel) {
  std::int64_t const stride = panel_elements<std::uint16_t>(product.w->in());
  auto const* const weights =
      reinterpret_cast<std::uint16_t const*>(product.w->data()) + panel * stride;
  auto const* x =
      reinterpret_cast<std::uint32_t const*>(product.packed) + row * packed_row_size(product);
  sum_segments<Tile<Rows, Panels>>(
      product,
      [&](Segment const& segment, auto& tile) {
        TileWeights<std::uint16_t> const w{weights + first_input(segment) * num_lanes, stride};
        tile = sum_of_words<Rows, Panels>(x, w, num_words(segment));
        x += num_blocks(segment) * block_words * Rows;
      },
      [&](auto const& tile, MatrixView<float> y) { store_tile(tile, y, row, panel); });
}

/// A tile of rows, `Rows` from `row` on.
template <int Rows>
void multiply_rows(PanelProduct const& product, std::int64_t row, PanelRange panels) {
  constexpr int width = tile_panels(Rows);
  std::int64_t panel = panels.first;
  for (; panel + width <= panels.last; panel += width) {
    multiply_tile<Rows, width>(product, row, panel);
  }
  for (; panel < panels.last; ++panel) {
    multiply_tile<Rows, 1>(product, row, panel);
  }
}

}  // namespace

std::int64_t num_packed_tiles(std::int64_t rows) {
  return TileRows{rows}.count();
}

void pack_tile(PanelProduct const& product, std::int64_t tile, float* packed) {
  MatrixView<float const> const& x = product.x;
  TileRows const tiles{x.rows};
  std::int64_t const first = tiles.begin(tile);
  std::int64_t const num_rows = tiles.begin(tile + 1) - first;
  float* to = packed + first * packed_row_size(product);
  for (Segment const& segment : product.segments) {
    for (std::int64_t block = 0; block < num_blocks(segment); ++block) {
      std::int64_t const input = first_input(segment) + block * tile_inputs;
      for (std::int64_t r = 0; r < num_rows; ++r) {
        std::uint16_t halves[tile_inputs];
        pack_row(x.data + (first + r) * x.row_stride, segment, input, halves);
        for (std::int64_t i = 0; i < block_words; ++i) {
          std::memcpy(to + i * num_rows + r, halves + 2 * i, sizeof *to);
        }
      }
      to += block_words * num_rows;
    }
  }
}

void multiply_group(PanelProduct const& product, PanelRange panels) {
  TileRows const rows{product.x.rows};
  for (std::int64_t t = 0; t < rows.count(); ++t) {
    with_tile_rows(rows.begin(t + 1) - rows.begin(t),
                   [&](auto count) { multiply_rows<count()>(product, rows.begin(t), panels); });
  }
}

}  // namespace talus::kernels::TALUS_TARGET
