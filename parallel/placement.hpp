// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "parallel/grid_shape.hpp"
#include "parallel/process_grid.hpp"

namespace talus::parallel {

/// Where a process runs, as the operating system tells it.
struct ProcessPlace {
  std::string host;  ///< without the domain
  std::vector<int>
      cores;  ///< physical cores that it may run on, ascending; numbers unique on a host
  std::vector<int> numa;   ///< memory domains of these cores, ascending
  int num_host_cores = 0;  ///< physical cores of the host that the job may use
};

/// This process's place. Local.
///
/// \throws ApiError  if the operating system does not tell which cores it may use
[[nodiscard]] ProcessPlace local_process_place();

/// The version of hwloc's interface, which tells places: "2.8.0".
[[nodiscard]] std::string topology_library();

/// This host's name, without its domain.
///
/// \throws ApiError  if the operating system does not tell
[[nodiscard]] std::string host_name();

/// Where one rank runs, and its place in the grid.
struct Placement : ProcessPlace {
  int rank = 0;  ///< in the grid's world
  GridCoord coord;
  int node_rank = 0;  ///< place among the ranks on its host
};

/// This host's name, without its domain.
///
/// \throws ApiError  if the operating system does not tell it
[[nodiscard]] std::string host_name();

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

/// What of the grid will cost speed, a sentence each: TP groups across hosts. (What of the binding
/// will, binding_findings tells.)
[[nodiscard]] std::vector<std::string> placement_warnings(std::span<Placement const> placements);

/// Numbers as ranges: {0, 1, 2, 5} is "0-2,5". `numbers` ascends.
[[nodiscard]] std::string format_ranges(std::span<int const> numbers);

}  // namespace talus::parallel
