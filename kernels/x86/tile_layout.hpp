// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/lanes/segments.hpp"

/// \file
/// How matrices lie in memory for the tile registers of AMX.
///
/// Weights: as lanes/panel_layout.hpp says, a row of words is a row of a tile. x: blocks of up to
/// sixteen rows times 32 inputs, which begin where a segment of the sum does, filled up with zeros
/// where it ends: so a sum's order does not depend on how the summed axis was cut, and what a tile
/// reads of the weights beyond a segment counts nothing.

namespace talus::kernels::TALUS_TARGET {

inline constexpr std::int64_t tile_rows = 16;     ///< of x in one tile
inline constexpr std::int64_t tile_inputs = 32;   ///< of x in one tile
inline constexpr std::int64_t tile_outputs = 16;  ///< a panel's

/// Where a segment's blocks begin: tiles hold pairs of inputs.
[[nodiscard]] constexpr std::int64_t first_input(Segment const& segment) {
  return segment.first / 2 * 2;
}

/// Blocks of x that a segment takes.
[[nodiscard]] constexpr std::int64_t num_blocks(Segment const& segment) {
  return segment.last == segment.first
             ? 0
             : (segment.last - first_input(segment) + tile_inputs - 1) / tile_inputs;
}

}  // namespace talus::kernels::TALUS_TARGET
