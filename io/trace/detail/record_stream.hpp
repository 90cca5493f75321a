// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "io/trace/columns.hpp"
#include "io/trace/spsc_queue.hpp"

namespace talus::io::detail {

/// The way of one kind of record from the engine's thread to the writer's: a queue, and the rows
/// made of what was taken out of it but is not in the file yet.
template <class Record>
class RecordStream {
 public:
  using Row = decltype(to_row(0, std::declval<Record const&>()));

  explicit RecordStream(std::size_t capacity) : queue_{capacity} {}

  /// Queues a record, or counts it as dropped. The producer's thread.
  void push(Record const& record, bool is_open) noexcept {
    if (!is_open || !queue_.push(record)) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// Turns what is queued into rows. The consumer's thread, as all below.
  void drain(std::int32_t rank) {
    Record record;
    for (std::size_t i = 0; i < queue_.capacity() && queue_.pop(record); ++i) {
      rows_.push_back(to_row(rank, record));
    }
  }

  /// The rows not yet written.
  [[nodiscard]] std::span<Row const> rows() const noexcept { return rows_; }

  /// Forgets the rows: they are in the file.
  void mark_written() noexcept { rows_.clear(); }

  /// Counts everything that is still here as dropped.
  void lose() noexcept {
    std::uint64_t lost = rows_.size();
    rows_.clear();
    Record record;
    while (queue_.pop(record)) {
      ++lost;
    }
    dropped_.fetch_add(lost, std::memory_order_relaxed);
  }

  /// Records dropped so far. Any thread.
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_.load(std::memory_order_relaxed);
  }

 private:
  SpscQueue<Record> queue_;
  std::atomic<std::uint64_t> dropped_{0};
  std::vector<Row> rows_;
};

}  // namespace talus::io::detail
