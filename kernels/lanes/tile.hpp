// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/lanes/panel_layout.hpp"
#include "kernels/lanes/unrolled.hpp"

/// \file
/// The micro-kernel of matmul and attention: Rows x Panels groups of sixteen sums, in registers.

namespace talus::kernels::TALUS_TARGET {

/// Registers for sums, of the 32 or 16 there are; the others hold operands.
#if defined(__AVX512F__)
inline constexpr int sum_registers = 24;
#else
inline constexpr int sum_registers = 12;
#endif

/// Rows of the largest tile: what two panels of weights leave room for on AVX-512, one elsewhere.
inline constexpr int max_tile_rows =
    std::max(1, native_parts == 1 ? sum_registers / 2 : sum_registers / native_parts);

/// Panels of a tile of `rows` rows: as many as keep the sums in registers, up to the four streams
/// that a memory prefetcher follows well.
[[nodiscard]] constexpr int tile_panels(int rows) {
  return std::clamp(sum_registers / (rows * native_parts), 1, 4);
}

/// Rows of the left operand: element (row, i) is data[row * row_stride + i].
struct TileInput {
  float const* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t step = 1;  ///< elements from one i to the next
};

/// Panels of the right operand, as panel_layout.hpp says; panel p is at data + p * panel_stride.
template <class Weight>
struct TileWeights {
  Weight const* data = nullptr;
  std::int64_t panel_stride = 0;
};

/// What is asked for ahead: a cache line while so many inputs are worked on.
inline constexpr std::int64_t line_bytes = 64;
inline constexpr int line_inputs = 8;

template <int Rows, int Panels>
struct Tile {
  Lanes sums[std::size_t{Rows}][std::size_t{Panels}];

  /// Adds the products over i in [first, last), in order, each sum one chain.
  ///
  /// \param ahead  where memory begins that is asked for meanwhile, `line_bytes` for each
  ///               `line_inputs` of i; or null
  template <class Weight>
  [[gnu::always_inline]] void accumulate(TileInput const& x,
                                         TileWeights<Weight> const& w,
                                         std::int64_t first,
                                         std::int64_t last,
                                         std::byte const* ahead = nullptr) {
    constexpr int shared = word_inputs<Weight>;
    Tile tile = *this;  // a copy that no pointer aliases stays in registers
    float const* left = x.data + first * x.step;
    Weight const* right = w.data + first / shared * shared * num_lanes;
    auto const add = [&](auto index) __attribute__((always_inline)) {
      tile.template add_products<index()>(left, x.row_stride, right, w.panel_stride);
      left += x.step;
      __asm__("" : "+r"(right));  // read again: registers are short
    };
    if (shared == 2 && first % 2 != 0 && first < last) {
      add(std::integral_constant<int, shared - 1>{});
      right += shared * num_lanes;
      ++first;
    }
    if (ahead != nullptr) {
      for (; first + line_inputs <= last; first += line_inputs) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += line_bytes;
#pragma GCC unroll 4
        for (int i = 0; i < line_inputs / shared; ++i) {
          unrolled<shared>(add);
          right += shared * num_lanes;
        }
      }
    }
#pragma GCC unroll 2
    for (; first + shared <= last; first += shared) {
      unrolled<shared>(add);
      right += shared * num_lanes;
    }
    if (first < last) {
      add(std::integral_constant<int, 0>{});
    }
    *this = tile;
  }

 private:
  /// Adds the products of one input, the `Index`th of its words.
  template <int Index, class Weight>
  [[gnu::always_inline]] void add_products(float const* left,
                                           std::int64_t row_stride,
                                           Weight const* right,
                                           std::int64_t panel_stride) {
    Lanes weights[std::size_t{Panels}];
    unrolled<Panels>([&](auto p) __attribute__((always_inline)) {
      weights[p] = load_weights<Index>(right + p * panel_stride);
    });
    unrolled<Rows>([&](auto row) __attribute__((always_inline)) {
      NativeFloats const value = native_broadcast(left[row * row_stride]);
      unrolled<Panels * native_parts>([&](auto i) __attribute__((always_inline)) {
        constexpr int p = i() / native_parts;
        constexpr int part = i() % native_parts;
        add_product(sums[row][p].part[part], value, weights[p].part[part]);
      });
    });
  }
};

/// Calls function(std::integral_constant<int, rows>) for 1 <= rows <= max_tile_rows.
template <class Function>
[[gnu::always_inline]] inline void with_tile_rows(std::int64_t rows, Function const& function) {
  [&]<int... Indices>(std::integer_sequence<int, Indices...>) {
    static_cast<void>(
        ((rows == Indices + 1 ? (function(std::integral_constant<int, Indices + 1>{}), true)
                              : false) ||
         ...));
  }
  (std::make_integer_sequence<int, max_tile_rows>{});
}

/// Cuts `rows` rows into as few tiles as there can be, of sizes as even as can be.
class TileRows {
 public:
  explicit TileRows(std::int64_t rows)
      : rows_{rows}, count_{(rows + max_tile_rows - 1) / max_tile_rows} {}

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }

  /// First row of tile `tile`; of tile count(), the end.
  [[nodiscard]] std::int64_t begin(std::int64_t tile) const noexcept {
    return tile * rows_ / count_;
  }

 private:
  std::int64_t rows_;
  std::int64_t count_;
};

}  // namespace talus::kernels::TALUS_TARGET
