// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/lanes/kv_words.hpp"
#include "kernels/lanes/tile.hpp"

/// \file
/// The inner loops of attention: sums in registers, over elements that are widened where they are
/// used.

namespace talus::kernels::TALUS_TARGET {

/// Rows x Panels groups of sixteen sums.
template <int Rows, int Panels>
struct Sums {
  Lanes lanes[std::size_t{Rows}][std::size_t{Panels}];

  /// The sums of a row and a panel go to memory[row * row_stride + panel * panel_stride].
  [[gnu::always_inline]] void store_to(float* memory,
                                       std::int64_t row_stride,
                                       std::int64_t panel_stride) const {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        store(memory + r * row_stride + p * panel_stride, lanes[r][p]);
      }
    }
  }

  [[gnu::always_inline]] void load_from(float const* memory,
                                        std::int64_t row_stride,
                                        std::int64_t panel_stride) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        lanes[r][p] = load(memory + r * row_stride + p * panel_stride);
      }
    }
  }

  /// Begins with older sums, each row's times its share.
  [[gnu::always_inline]] void load_scaled(float const* memory,
                                          std::int64_t row_stride,
                                          std::int64_t panel_stride,
                                          float const* share) {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        lanes[r][p] = broadcast(share[r]) * load(memory + r * row_stride + p * panel_stride);
      }
    }
  }
};

/// The right operand: sixteen words for each panel, `stride` elements from one step to the next.
template <class Element, int Panels>
struct WordPanels {
  Element const* panel[std::size_t{Panels}];
  std::int64_t stride = num_lanes;
};

/// Where nothing need be asked for.
struct NoPrefetch {
  [[gnu::always_inline]] void step(std::int64_t) const {}
};

/// Memory that will be read soon, a cache line a step: the blocks of a sequence lie anywhere, and
/// the processor's own prefetching stops where one ends.
struct LinePrefetch {
  void const* memory;

  [[gnu::always_inline]] void step(std::int64_t i) const {
    __builtin_prefetch(static_cast<char const*>(memory) + 64 * i, 0, 3);
  }
};

/// Adds the products of `count` words' elements, in order, each sum one chain. Element (row, i) of
/// the left operand is x.data[row * x.row_stride + i * x.step].
template <int Rows, int Panels, class Element, class Ahead>
[[gnu::always_inline]] inline void add_products(Sums<Rows, Panels>& sums,
                                                TileInput const& x,
                                                WordPanels<Element, Panels> const& words,
                                                std::int64_t count,
                                                Ahead const& ahead) {
  constexpr int width = word_elements<Element>;
  Lanes local[std::size_t{Rows}][std::size_t{Panels}];  // no pointer aliases it: in registers
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      local[row][p] = sums.lanes[row][p];
    }
  }
  float const* left = x.data;
#pragma GCC unroll 2
  for (std::int64_t i = 0; i < count; ++i) {
    ahead.step(i);
#pragma GCC unroll 4
    for (int k = 0; k < width; ++k) {
      Lanes right[std::size_t{Panels}];
#pragma GCC unroll 4
      for (int p = 0; p < Panels; ++p) {
        right[p] = load_words(words.panel[p] + i * words.stride).template element<Element>(k);
      }
#pragma GCC unroll 16
      for (int row = 0; row < Rows; ++row) {
        Lanes const value = broadcast(left[row * x.row_stride]);
#pragma GCC unroll 4
        for (int p = 0; p < Panels; ++p) {
          local[row][p] = multiply_add(value, right[p], local[row][p]);
        }
      }
      left += x.step;
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
    for (int p = 0; p < Panels; ++p) {
      sums.lanes[row][p] = local[row][p];
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
