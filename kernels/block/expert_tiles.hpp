// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/rows_by_expert.hpp"

/// \file
/// Tiles of products whose rows are cut by offsets that only the device knows: rows
/// [offsets[e], offsets[e + 1]) have the weights of expert e. The host launches as many tiles as
/// there may be at most, whatever the offsets; each block finds its own tile, or leaves.

namespace talus::kernels::block {

/// The experts of a product, and where their rows begin.
struct ExpertRows {
  GlobalSpan<std::int32_t const> offsets;      ///< [experts + 1]; empty: a product without experts
  GlobalSpan<std::byte const* const> weights;  ///< [experts]; empty: no product
  std::int64_t expected = 0;                   ///< rows; 0: as many as a matrix has

  [[nodiscard]] constexpr bool is_empty() const { return offsets.size == 0; }

  [[nodiscard]] constexpr std::int64_t num_experts() const { return offsets.size - 1; }

  /// Of a matrix that has so many, rows that are reckoned with.
  [[nodiscard]] constexpr std::int64_t expected_of(std::int64_t rows) const {
    return expected == 0 || expected > rows ? rows : expected;
  }

  /// Where the rows of a matrix that has so many end.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t end_of(Block& block, std::int64_t rows) const {
    return is_empty() ? rows : block.load(offsets, offsets.size - 1);
  }
};

/// \param cut  whose offsets are in the device's memory
[[nodiscard]] inline ExpertRows expert_rows(RowsByExpert const& cut) {
  return {{cut.offsets.data(), std::ssize(cut.offsets)}, {}, cut.expected};
}

/// As above, for a product.
template <class Device>
[[nodiscard]] ExpertRows expert_rows(Device& device,
                                     RowsByExpert const& cut,
                                     std::span<PackedWeights const> experts) {
  std::vector<std::byte const*> weights;
  for (PackedWeights const& w : experts) {
    weights.push_back(w.data());
  }
  ExpertRows rows = expert_rows(cut);
  rows.weights = device.upload(std::span{std::as_const(weights)});
  return rows;
}

/// Rows of an expert, if they fall to as many experts as they can.
[[nodiscard]] constexpr std::int64_t usual_rows(std::int64_t rows, std::int64_t experts) {
  return rows == 0 ? 0 : ceil_div(rows, std::min(rows, experts));
}

/// The most tiles that `rows` rows make, whatever the offsets: each expert that has rows has one
/// that isn't full, of a row at least.
[[nodiscard]] constexpr std::int64_t most_tiles(std::int64_t rows,
                                                std::int64_t experts,
                                                std::int64_t tile_rows) {
  return (rows + std::min(rows, experts) * (tile_rows - 1)) / tile_rows;
}

/// Where a tile is.
struct ExpertTile {
  std::int32_t expert = -1;  ///< none: there are fewer tiles
  std::int32_t first_row = 0;
  std::int32_t last_row = 0;  ///< the expert's: the tile may end before

  friend bool operator==(ExpertTile const&, ExpertTile const&) = default;
};

/// Tile `number` of those of `tile_rows` rows, which are counted expert by expert. All lanes of a
/// warp ask for the same one. Each counts the tiles of some neighbouring experts, then all go
/// through those of the lane that has it.
template <class Block>
[[nodiscard]] TALUS_DEVICE ExpertTile find_tile(Block& block,
                                                GlobalSpan<std::int32_t const> offsets,
                                                std::int32_t number,
                                                int tile_rows) {
  auto const experts = static_cast<std::int32_t>(offsets.size - 1);
  std::int32_t const share = (experts + warp_size - 1) / warp_size;
  int const lane = block.thread_index() % warp_size;
  auto const tiles_of = [&](std::int32_t rows) { return (rows + tile_rows - 1) / tile_rows; };

  std::int32_t own = 0;
  std::int32_t const begin = lane * share < experts ? lane * share : experts;
  std::int32_t const end = begin + share < experts ? begin + share : experts;
  std::int32_t from = block.load(offsets, begin);
  for (std::int32_t e = begin; e < end; ++e) {
    std::int32_t const to = block.load(offsets, e + 1);
    own += tiles_of(to - from);
    from = to;
  }
  std::int32_t upto = own;
  for (int distance = 1; distance < warp_size; distance *= 2) {
    std::int32_t const before = block.shuffle(upto, lane >= distance ? lane - distance : lane);
    upto += lane >= distance ? before : 0;
  }
  std::uint32_t const behind = block.ballot(upto > number);
  if (behind == 0) {
    return {};
  }
  int const owner = count_bits(~behind & (behind - 1));  // the first lane that goes beyond
  std::int32_t left = number - block.shuffle(upto - own, owner);
  std::int32_t expert = owner * share;
  std::int32_t first = block.load(offsets, expert);
  std::int32_t last = block.load(offsets, expert + 1);
  while (left >= tiles_of(last - first)) {
    left -= tiles_of(last - first);
    first = last;
    last = block.load(offsets, ++expert + 1);
  }
  return {expert, first + left * tile_rows, last};
}

/// What a block does: a tile of a job's rows.
template <class Job>
struct JobTile {
  Job job;
  std::int64_t first_row = 0;

  /// Whether the job has such rows.
  [[nodiscard]] TALUS_DEVICE bool is_there() const { return first_row < job.y.rows; }
};

/// Jobs as a launch has them: one for each block_index().z; or a single one, of the rows of all
/// experts, whose weights are those of any.
template <class Job>
struct Jobs {
  GlobalSpan<Job const> list;
  ExpertRows experts;

  /// Tile `number` of the block's rows. All threads of a block ask for the same one.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE JobTile<Job> tile(Block& block,
                                               std::int64_t number,
                                               int tile_rows) const {
    Job job = block.load(list, block.block_index().z);
    if (experts.is_empty()) {
      return {job, number * tile_rows};
    }
    ExpertTile const tile =
        find_tile(block, experts.offsets, static_cast<std::int32_t>(number), tile_rows);
    job.end_rows(tile.last_row);
    if (tile.expert >= 0) {
      job.take_weights(block.load(experts.weights, tile.expert));
    }
    return {job, tile.first_row};
  }
};

}  // namespace talus::kernels::block
