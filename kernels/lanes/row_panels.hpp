// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "kernels/detail/elements.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/packed_weights.hpp"

/// \file
/// What packing does with rows of a checkpoint: a strip of columns from each row of a panel,
/// converted, then turned.

namespace talus::kernels::TALUS_TARGET {

/// Columns that are turned at a time: a cache line of bfloat16 from each row.
inline constexpr std::int64_t strip_columns = 32;

/// The strip of one row after another.
template <class Weight>
using RowStrips = Weight[PackedWeights::panel_outputs][strip_columns];

/// `count` elements of `rows` from (row, col) on, converted.
inline void read_strip(
    RawRows const& rows, std::int64_t row, std::int64_t col, std::int64_t count, float* to) {
  std::int64_t const index = row * rows.row_stride + col;
  if (rows.dtype == DType::f32) {
    std::memcpy(to,
                rows.data + index * size_of(DType::f32),
                static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t j = 0; j < count; ++j) {
    to[j] = detail::load_element(rows.data, rows.dtype, index + j);
  }
}

inline void read_strip(RawRows const& rows,
                       std::int64_t row,
                       std::int64_t col,
                       std::int64_t count,
                       std::uint16_t* to) {
  if (rows.dtype == DType::bf16) {
    std::memcpy(to,
                rows.data + (row * rows.row_stride + col) * size_of(DType::bf16),
                static_cast<std::size_t>(count) * sizeof(std::uint16_t));
    return;
  }
  float wide[strip_columns];
  read_strip(rows, row, col, count, wide);
  for (std::int64_t j = 0; j < count; ++j) {
    to[j] = float_to_bf16(wide[j]);
  }
}

#if defined(__SSE2__)

/// Eight columns of eight rows: to[j * to_stride + i] = from[i * from_stride + j].
inline void turn_square(std::uint16_t const* from,
                        std::int64_t from_stride,
                        std::uint16_t* to,
                        std::int64_t to_stride) {
  __m128i rows[8];
  for (int i = 0; i < 8; ++i) {
    rows[i] = _mm_loadu_si128(reinterpret_cast<__m128i const*>(from + i * from_stride));
  }
  __m128i pairs[8];  // of rows i and i + 4, so that the order comes out right in the end
  for (int i = 0; i < 4; ++i) {
    pairs[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
    pairs[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
  }
  for (int half = 0; half < 2; ++half) {
    __m128i const even_low = _mm_unpacklo_epi16(pairs[half], pairs[4 + half]);
    __m128i const even_high = _mm_unpackhi_epi16(pairs[half], pairs[4 + half]);
    __m128i const odd_low = _mm_unpacklo_epi16(pairs[2 + half], pairs[6 + half]);
    __m128i const odd_high = _mm_unpackhi_epi16(pairs[2 + half], pairs[6 + half]);
    __m128i const columns[4] = {_mm_unpacklo_epi16(even_low, odd_low),
                                _mm_unpackhi_epi16(even_low, odd_low),
                                _mm_unpacklo_epi16(even_high, odd_high),
                                _mm_unpackhi_epi16(even_high, odd_high)};
    for (int j = 0; j < 4; ++j) {
      std::uint16_t* const column = to + (half * 4 + j) * to_stride;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(column), columns[j]);
    }
  }
}

#endif

/// Rows [first, last) of a checkpoint's that come to one panel, from its output `lane` on.
struct PanelRows {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t panel = 0;
  std::int64_t lane = 0;
};

/// Calls body(PanelRows) for each panel that rows at `origin` touch, shared out to threads.
template <class Body>
void for_each_panel(ExecContext const& exec,
                    MatrixOrigin origin,
                    RawRows const& rows,
                    Body const& body) {
  constexpr std::int64_t lanes = PackedWeights::panel_outputs;
  std::int64_t const first_panel = origin.row / lanes;
  std::int64_t const last_panel = (origin.row + rows.rows - 1) / lanes + 1;
  auto const pack = [&](std::int64_t i) {
    std::int64_t const panel = first_panel + i;
    std::int64_t const first = std::max(panel * lanes, origin.row);
    std::int64_t const last = std::min((panel + 1) * lanes, origin.row + rows.rows);
    body(PanelRows{first - origin.row, last - origin.row, panel, first - panel * lanes});
  };
  std::int64_t const count = last_panel - first_panel;
  if (exec.team == nullptr) {
    for (std::int64_t i = 0; i < count; ++i) {
      pack(i);
    }
    return;
  }
  for_each(exec, "talus::kernels::pack_rows", count, rows.rows * rows.cols / 16, pack);
}

/// Columns [0, count) of strips of rows [0, num_rows), as rows of a panel, from `lane` on.
template <class Weight>
void turn_strips(RowStrips<Weight> const& strips,
                 std::int64_t num_rows,
                 std::int64_t count,
                 std::int64_t lane,
                 Weight* panel) {
  constexpr std::int64_t lanes = PackedWeights::panel_outputs;
#if defined(__SSE2__)
  if constexpr (std::is_same_v<Weight, std::uint16_t>) {
    if (num_rows == lanes && count == strip_columns) {
      for (std::int64_t row = 0; row < lanes; row += 8) {
        for (std::int64_t col = 0; col < strip_columns; col += 8) {
          turn_square(&strips[row][col], strip_columns, panel + col * lanes + row, lanes);
        }
      }
      return;
    }
  }
#endif
  for (std::int64_t j = 0; j < count; ++j) {
    for (std::int64_t i = 0; i < num_rows; ++i) {
      panel[j * lanes + lane + i] = strips[i][j];
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
