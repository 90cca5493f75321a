// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "io/trace/records.hpp"
#include "io/trace/run_info.hpp"
#include "parallel/call_log.hpp"

namespace talus::io {

/// How a rank's trace is written. The defaults hold 40,000 steps a second without loss.
struct TraceOptions {
  double flush_interval_s = 1;    ///< what a killed job can lose at most
  double expert_interval_s = 10;  ///< over which the tokens of the experts are added up
  std::size_t step_queue_capacity = 8192;
  std::size_t request_queue_capacity = 4096;  ///< also that of preemptions
  std::size_t step_chunk_rows = 1024;         ///< rows that the file makes room for at a time
  std::size_t request_chunk_rows = 256;       ///< the same for the other tables
  parallel::CallLog* calls = nullptr;         ///< where a rank says that it waits for the file
};

/// Records that aren't in the file, by kind: the queue was full, or the file couldn't be written.
struct DroppedCounts {
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t preemptions = 0;

  friend bool operator==(DroppedCounts const&, DroppedCounts const&) = default;
};

/// Writes the trace of one rank to an HDF5 file, by a thread of its own.
///
/// Recording copies the record to a queue: no lock, no allocation, no system call. A full queue
/// drops the record, and counts it. Each flush interval, the thread appends what the queues hold
/// and flushes, so that after a kill the file holds all but the last interval. An HDF5 error (a
/// full disk) ends the writing, is kept for error(), and everything from then on counts as dropped;
/// the engine goes on.
///
/// The thread makes every HDF5 call. Unless HDF5 was built thread-safe, nothing else in the process
/// may use HDF5 between construction and close(): call write_master() before. The thread blocks all
/// signals, which therefore reach the program's own threads.
class TraceWriter {
 public:
  /// Creates the file, replacing an older one, writes `run` to it, and starts the thread.
  ///
  /// \throws ConfigError  if an option is out of range, or the file can't be created
  TraceWriter(std::filesystem::path const& file,
              RunInfo const& run,
              TraceOptions const& options = {});

  TraceWriter(TraceWriter const&) = delete;
  TraceWriter& operator=(TraceWriter const&) = delete;

  /// As close().
  ~TraceWriter();

  /// Records a step, a request, a preemption. Each kind from one thread at a time; never waits.
  void record(StepRecord const& record) noexcept;
  void record(RequestRecord const& record) noexcept;
  void record(PreemptionRecord const& record) noexcept;

  /// Adds to the number of tokens routed to each expert of a layer. From one thread at a time.
  ///
  /// \param layer   index into RunInfo::moe_layers
  /// \param tokens  [experts] numbers to add, of all RunInfo::num_experts
  void count_expert_tokens(std::size_t layer, std::span<std::int32_t const> tokens) noexcept;

  /// Has the thread write and flush what is queued now, and waits for it, but not for longer than
  /// `patience_s` seconds. From any thread.
  ///
  /// \return whether it is done
  bool flush(double patience_s) noexcept;

  /// Writes what is queued, stores the dropped counts, marks the file complete, and ends the
  /// thread. Waits for the disk. Records after that are dropped. Does nothing the second time.
  void close() noexcept;

  /// What ended the writing; empty if nothing did. From any thread.
  [[nodiscard]] std::string error() const;

  /// How many records were dropped so far; after close(), in all. From any thread.
  [[nodiscard]] DroppedCounts dropped() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace talus::io
