// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace talus::io {

/// Name of the file that shows the files of all ranks as a whole.
inline constexpr char const* master_file_name = "trace.h5";

/// Name of a rank's own file, in the same folder: "trace.00012.h5".
[[nodiscard]] std::string rank_file_name(int rank);

/// Writes the master file of a folder of traces.
///
/// It holds no rows: each table is a virtual dataset [ranks, rows] over the ranks' files, as long
/// as the longest of them at the time it is opened, filled with rank -1 behind a shorter one's end;
/// and each rank's file is linked as `/ranks/00012`. It names the files without a folder, so the
/// whole can be moved. So it is written once, at the start, before the ranks' files exist, and is
/// right at any time: while the job runs, when it has ended, and after it was killed.
///
/// Called by one rank, while no TraceWriter of the process is open (see there).
///
/// \param moe_layers   [ranks] RunInfo::moe_layers of each
/// \param num_experts  RunInfo::num_experts
/// \throws ConfigError  if there is no rank, or the file can't be created
/// \throws ApiError     if HDF5 fails otherwise
void write_master(std::filesystem::path const& folder,
                  std::vector<std::vector<int>> const& moe_layers,
                  int num_experts);

}  // namespace talus::io
