// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::parallel {

/// The sizes of the process grid; dp * pp * tp ranks in all.
struct GridShape {
  int dp = 1;  ///< replicas of the model
  int pp = 1;  ///< pipeline stages of a replica
  int tp = 1;  ///< shards of a stage
  int ep = 1;  ///< ranks of a stage that share out the experts; divides dp * tp

  [[nodiscard]] int num_ranks() const noexcept { return dp * pp * tp; }

  friend bool operator==(GridShape const&, GridShape const&) = default;
};

/// A rank's place in the grid.
struct GridCoord {
  int dp = 0;  ///< which replica
  int pp = 0;  ///< which stage
  int tp = 0;  ///< which shard
  int ep = 0;  ///< place in its expert group

  friend bool operator==(GridCoord const&, GridCoord const&) = default;
};

/// Refuses a grid that does not fit `world_size` ranks, with the arithmetic and what would fit.
///
/// \throws ConfigError  if a size is below 1, dp * pp * tp is not the number of ranks, or ep does
/// not
///                      divide dp * tp
void check_grid(GridShape const& shape, int world_size);

/// The coordinates of `rank`: rank = (dp * PP + pp) * TP + tp.
[[nodiscard]] GridCoord coord_of(GridShape const& shape, int rank) noexcept;

/// The rank with these coordinates (ep follows from dp and tp, and is not read).
[[nodiscard]] int rank_of(GridShape const& shape, GridCoord const& coord) noexcept;

/// Place of a coordinate in its stage's plane: dp * TP + tp.
[[nodiscard]] int plane_rank_of(GridShape const& shape, GridCoord const& coord) noexcept;

/// How many neighbouring replicas expert groups join (they must step together); 1 if none.
///
/// Borders of replicas (every tp ranks of a plane) and of expert groups (every ep) meet at the
/// multiples of both.
[[nodiscard]] int num_joined_replicas(GridShape const& shape) noexcept;

}  // namespace talus::parallel
