// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "parallel/grid_shape.hpp"
#include "parallel/process_grid.hpp"

namespace talus::parallel {

/// Where one rank runs, and its place in the grid.
struct Placement {
  int rank = 0;  ///< in the grid's world
  GridCoord coord;
  std::string host;
  int node_rank = 0;  ///< place among the ranks on its host
  std::vector<int>
      cores;  ///< physical cores that it may run on, ascending; numbers unique on a host
  std::vector<int> numa;  ///< memory domains of these cores, ascending
};

/// Where this process runs; local but for what `grid` knows.
///
/// \throws ApiError  if the operating system does not tell which cores it may use
[[nodiscard]] Placement local_placement(ProcessGrid const& grid);

/// The placements of all ranks, by rank, on rank 0; empty elsewhere. Collective over grid.world().
[[nodiscard]] std::vector<Placement> gather_placement(ProcessGrid const& grid);

/// A table, one line a rank under a heading: rank, host, cores, memory domains, dp, pp, tp, ep.
///
/// Ranges are written first-last. If there are more than `max_lines` ranks, a line stands for a TP
/// group, or a host, or the middle is left out, whichever comes first to fit.
/// \param placements  all ranks, by rank
[[nodiscard]] std::string format_placement(std::span<Placement const> placements,
                                           int max_lines = 32);

/// What will cost speed, a sentence each: ranks that share their only core, ranks with no core of
/// their own, TP groups across hosts.
[[nodiscard]] std::vector<std::string> placement_warnings(std::span<Placement const> placements);

/// Numbers as ranges: {0, 1, 2, 5} is "0-2,5". `numbers` ascends.
[[nodiscard]] std::string format_ranges(std::span<int const> numbers);

}  // namespace talus::parallel
