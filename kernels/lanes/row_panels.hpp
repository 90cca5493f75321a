// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels/detail/elements.hpp"
#include "kernels/lanes/for_each.hpp"
#include "kernels/lanes/panel_layout.hpp"
#include "kernels/packed_weights.hpp"

/// \file
/// What packing does with rows of a checkpoint: a strip of columns from each row of a panel,
/// converted, then turned.

namespace talus::kernels::TALUS_TARGET {

/// Columns that are turned at a time: a cache line of bfloat16 from each row.
inline constexpr std::int64_t strip_columns = 32;

/// The strip of one row after another.
template <class Weight>
using RowStrips = Weight[num_lanes][strip_columns];

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

/// Four words of four rows: to[j * num_lanes + i] = word j of from[i].
template <class Weight>
void turn_square(Weight const* const (&from)[4], std::uint32_t* to) {
#if defined(__SSE2__)
  __m128 rows[4];
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm_loadu_ps(reinterpret_cast<float const*>(from[i]));
  }
  _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
  for (int j = 0; j < 4; ++j) {
    _mm_storeu_ps(reinterpret_cast<float*>(to + j * num_lanes), rows[j]);
  }
#else
  for (int i = 0; i < 4; ++i) {
    std::uint32_t words[4];
    std::memcpy(words, from[i], sizeof words);
    for (int j = 0; j < 4; ++j) {
      std::memcpy(to + j * num_lanes + i, &words[j], sizeof words[j]);
    }
  }
#endif
}

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
  std::int64_t const first_panel = origin.row / num_lanes;
  std::int64_t const last_panel = (origin.row + rows.rows - 1) / num_lanes + 1;
  auto const pack = [&](std::int64_t i) {
    std::int64_t const panel = first_panel + i;
    std::int64_t const first = std::max(panel * num_lanes, origin.row);
    std::int64_t const last = std::min((panel + 1) * num_lanes, origin.row + rows.rows);
    body(PanelRows{first - origin.row, last - origin.row, panel, first - panel * num_lanes});
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

/// Rows and columns of strips that are filled.
struct StripExtent {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

/// Where the first row and column of strips come to in a panel.
struct PanelPlace {
  std::int64_t input = 0;
  std::int64_t lane = 0;
};

/// Columns of strips as rows of a panel.
template <class Weight>
void turn_strips(RowStrips<Weight> const& strips,
                 StripExtent extent,
                 PanelPlace place,
                 Weight* panel) {
  constexpr std::int64_t shared = word_inputs<Weight>;
  if (extent.rows == num_lanes && extent.cols == strip_columns && place.input % shared == 0) {
    auto* const to = reinterpret_cast<std::uint32_t*>(panel) + place.input / shared * num_lanes;
    for (std::int64_t col = 0; col < strip_columns; col += 4 * shared) {
      for (std::int64_t row = 0; row < num_lanes; row += 4) {
        turn_square({&strips[row][col],
                     &strips[row + 1][col],
                     &strips[row + 2][col],
                     &strips[row + 3][col]},
                    to + col / shared * num_lanes + row);
      }
    }
    return;
  }
  for (std::int64_t j = 0; j < extent.cols; ++j) {
    for (std::int64_t i = 0; i < extent.rows; ++i) {
      panel[place_in_panel<Weight>(place.input + j, place.lane + i)] = strips[i][j];
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
