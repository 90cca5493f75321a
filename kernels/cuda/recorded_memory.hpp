// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "kernels/cuda/memory_pool.hpp"

namespace talus::kernels::cuda {

/// A range of a pool, which it gets back in the end.
class PoolRange {
 public:
  /// \param pool  outlives this
  /// \throws OutOfMemory  naming what there is
  PoolRange(MemoryPool& pool, std::int64_t bytes);

  ~PoolRange() { pool_->give_back(offset_); }

  PoolRange(PoolRange const&) = delete;
  PoolRange& operator=(PoolRange const&) = delete;

  [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }

  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

 private:
  MemoryPool* pool_;
  std::int64_t offset_;
  std::int64_t bytes_;
};

/// What recorded operations use of a pool as long as they may be replayed. Only offsets, see
/// MemoryPool.
///
/// Scratch memory is one range for all recordings: one of them runs at a time, and an operation
/// leaves nothing there for the next one. Arrays that operations were told with are each
/// recording's own.
class RecordedMemory {
 public:
  /// Pieces of scratch memory, and arrays, begin at multiples of it.
  static constexpr std::int64_t alignment = MemoryPool::alignment;

  /// What an operation that takes scratch memory of so many bytes adds to it.
  [[nodiscard]] static std::int64_t piece_bytes(std::int64_t bytes);

  RecordedMemory(MemoryPool& pool, std::shared_ptr<PoolRange const> scratch)
      : pool_{&pool}, scratch_{std::move(scratch)} {}

  /// The offset of `bytes` > 0 bytes for the operation that is being recorded.
  ///
  /// \throws OutOfMemory  if it takes more than there is
  [[nodiscard]] std::int64_t take_scratch(std::int64_t bytes);

  void end_operation() noexcept { used_scratch_ = 0; }

  /// The offset of a place for an array that isn't empty, whose bytes are copied here.
  ///
  /// \throws OutOfMemory  naming what there is
  [[nodiscard]] std::int64_t keep(std::span<std::byte const> array);

  /// What is to be copied to the device before the first replay.
  struct Chunk {
    std::unique_ptr<PoolRange> range;
    std::vector<std::byte> bytes;  ///< of the range's beginning
  };

  [[nodiscard]] std::span<Chunk const> chunks() const noexcept { return chunks_; }

 private:
  /// Of the pool at a time: the arrays of a step take some of it.
  static constexpr std::int64_t chunk_bytes = std::int64_t{256} << 10;

  MemoryPool* pool_;
  std::shared_ptr<PoolRange const> scratch_;  ///< or none
  std::int64_t used_scratch_ = 0;
  std::vector<Chunk> chunks_;
};

}  // namespace talus::kernels::cuda
