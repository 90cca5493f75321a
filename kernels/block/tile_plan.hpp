// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/fragments.hpp"
#include "runtime/base/rounding.hpp"

/// \file
/// How products of bfloat16 are cut into tiles for tensor cores. No cut changes a bit: see
/// tile_matmul.hpp.

namespace talus::kernels::block {

/// Inputs whose products are summed by themselves, in order; then these sums, in order.
inline constexpr std::int64_t part_inputs = 512;

/// Inputs that a block has in shared memory at a time, of each part that it sums.
inline constexpr std::int64_t step_inputs = 64;

/// From one staged row to the next: so that eight rows of 16 bytes meet in no bank, and begin at
/// multiples of 16.
inline constexpr int staged_stride = static_cast<int>(step_inputs) + 8;

/// Shared memory for what tells of a sum's parts: 768 of them.
inline constexpr std::int64_t most_parts_bytes = 6 << 10;

/// What a block's warps do, and what is staged for them.
struct TileShape {
  int warp_outputs = 1;  ///< left fragments of a warp
  int warp_rows = 1;     ///< right fragments
  int output_warps = 1;  ///< warps side by side
  int row_warps = 1;
  int groups = 1;  ///< of warps that sum different parts at a time
  int stages = 4;  ///< steps in shared memory at a time
  /// The input is rounded to bfloat16 as it is staged, instead of by a kernel before.
  bool rounds_input = false;

  [[nodiscard]] constexpr int outputs() const {
    return fragment_outputs * warp_outputs * output_warps;
  }

  [[nodiscard]] constexpr int rows() const { return fragment_rows * warp_rows * row_warps; }

  [[nodiscard]] constexpr int group_warps() const { return output_warps * row_warps; }

  [[nodiscard]] constexpr int threads() const { return warp_size * group_warps() * groups; }

  /// Elements staged of weights, and of inputs.
  [[nodiscard]] constexpr int staged_weights() const {
    return stages * groups * outputs() * staged_stride;
  }

  [[nodiscard]] constexpr int staged_rows() const {
    return stages * groups * rows() * staged_stride;
  }

  /// Sums that the groups beyond the first give to it.
  [[nodiscard]] constexpr int exchanged_sums() const {
    return (groups - 1) * group_warps() * warp_outputs * warp_rows * 4 * warp_size;
  }

  [[nodiscard]] constexpr std::int64_t shared_bytes() const {
    return shared_bytes_of<std::uint16_t>(staged_weights()) +
           shared_bytes_of<std::uint16_t>(staged_rows()) + shared_bytes_of<float>(exchanged_sums());
  }
};

/// Few rows, whose time is that of reading weights: narrow tiles and several parts at a time, so
/// that a matrix of 4,096 outputs has work for 128 multiprocessors with 48 KB on the way in each.
inline constexpr TileShape few_row_tiles{
    .output_warps = 2, .groups = 4, .stages = 4, .rounds_input = true};
inline constexpr TileShape some_row_tiles{.warp_rows = 4, .output_warps = 2, .groups = 4};
inline constexpr TileShape more_row_tiles{.warp_rows = 8, .output_warps = 2, .groups = 2};
/// As many rows of a wide matrix: wide tiles, so that the input is read less often.
inline constexpr TileShape more_row_wide_tiles{
    .warp_outputs = 2, .warp_rows = 8, .output_warps = 4};
/// Many rows, whose time is that of multiplying.
inline constexpr TileShape many_row_tiles{
    .warp_outputs = 4, .warp_rows = 4, .output_warps = 2, .row_warps = 4};

/// The least number of tiles of the wide shape that keep a large GPU busy.
inline constexpr std::int64_t enough_tiles = 192;

/// Which of the shapes above.
enum class TileChoice { few, some, more, more_wide, many };

/// \param rows     of the job with the most
/// \param outputs  likewise
/// \param jobs     products at a time
[[nodiscard]] constexpr TileChoice choose_tiles(std::int64_t rows,
                                                std::int64_t outputs,
                                                std::int64_t jobs) {
  if (rows <= few_row_tiles.rows()) {
    return TileChoice::few;
  }
  if (rows <= some_row_tiles.rows()) {
    return TileChoice::some;
  }
  std::int64_t const wide_tiles = jobs * ceil_div(outputs, more_row_wide_tiles.outputs());
  if (rows <= more_row_tiles.rows()) {
    return wide_tiles >= enough_tiles ? TileChoice::more_wide : TileChoice::more;
  }
  return TileChoice::many;
}

/// Tiles of a product, and which of them a block has: neighbouring blocks, which run at a time,
/// have neighbouring tiles in both directions, so that they share what they read.
struct TileGrid {
  std::int64_t row_tiles = 0;
  std::int64_t output_tiles = 0;

  struct Tile {
    std::int64_t row = 0;
    std::int64_t output = 0;

    friend bool operator==(Tile const&, Tile const&) = default;
  };

  /// Tiles of rows that blocks go through before the next tile of outputs.
  static constexpr std::int64_t band = 8;

  [[nodiscard]] constexpr std::int64_t size() const { return row_tiles * output_tiles; }

  [[nodiscard]] constexpr Tile tile(std::int64_t number) const {
    std::int64_t const first = number / (band * output_tiles) * band;
    std::int64_t const height = row_tiles - first < band ? row_tiles - first : band;
    std::int64_t const within = number - first * output_tiles;
    return {first + within % height, within / height};
  }
};

}  // namespace talus::kernels::block
