// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "io/trace/columns.hpp"
#include "io/trace/detail/growing_dataset.hpp"
#include "io/trace/detail/h5_handle.hpp"
#include "io/trace/run_info.hpp"
#include "io/trace/trace_writer.hpp"

namespace talus::io::detail {

/// The trace file of one rank, open for writing. Every function throws ApiError if HDF5 fails.
class RankFile {
 public:
  /// Creates the file with its empty tables and all of `run`, and flushes it.
  ///
  /// \throws ConfigError  if it can't be created
  RankFile(std::filesystem::path const& file, RunInfo const& run, TraceOptions const& options);

  void append(std::span<StepRow const> rows);
  void append(std::span<RequestRow const> rows);
  void append(std::span<PreemptionRow const> rows);

  /// Appends the counts of one interval.
  ///
  /// \param tokens  [layers, experts] of this rank's layers with experts
  void append_experts(ExpertIntervalRow const& interval, std::span<std::uint32_t const> tokens);

  /// Stores how many records were dropped so far, by kind.
  void set_dropped(DroppedCounts const& dropped);

  /// Hands everything appended so far to the operating system, so that it outlives this process.
  void flush();

  /// Marks the file complete, and flushes it.
  void finish();

  /// Makes the file forget that it can't be written, after any of the functions above has thrown:
  /// what HDF5 still holds goes to memory instead of the disk. Without that HDF5 1.10 fails to
  /// close the file, and for that crashes when the program ends.
  void abandon() noexcept;

 private:
  void write_run(RunInfo const& run);
  void create_experts(RunInfo const& run);

  H5File file_;
  GrowingDataset steps_;
  GrowingDataset requests_;
  GrowingDataset preemptions_;
  GrowingDataset expert_intervals_;
  std::optional<GrowingDataset> expert_tokens_;  // [intervals, layers, experts]
};

}  // namespace talus::io::detail
