// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace talus::kernels::block::emulation {

/// How a thread touches an element. A copy, of shared memory only, is a write that takes until the
/// thread waits for it.
enum class AccessKind { read, write, atomic, copy };

/// Who touches an element, and when: barriers of a launch's blocks are counted on through all of
/// them, so that a number tells the block too.
struct Access {
  AccessKind kind = AccessKind::read;
  int thread = 0;
  std::int64_t epoch = 0;       ///< barriers before it
  std::int64_t warp_epoch = 0;  ///< barriers of its warp before it
};

/// The other one of two accesses that nothing orders.
struct Conflict {
  AccessKind kind = AccessKind::read;
  std::int64_t epoch = 0;
  int thread = 0;
};

/// What was done to each element of a block's shared memory since the last barrier: exact.
///
/// Two accesses of one element are ordered if a barrier lies between them, or, within a warp, a
/// barrier of that warp. Atomic ones need no order among themselves. Nothing is ordered with a copy
/// that has begun and is not finished.
class SharedLog {
 public:
  /// Forgets everything: a block of that many warps begins, with a barrier behind the last one's.
  void begin_block(int num_warps, std::int64_t epoch);

  /// Makes room for elements up to `count`.
  void reserve(std::int64_t count);

  /// Notes an access, or that a copy begins; tells of one that conflicts with it.
  [[nodiscard]] std::optional<Conflict> note(std::int64_t element, Access const& access);

  /// A copy that has begun is finished: what follows is as after a write.
  void finish_copy(std::int64_t element, Access const& access);

  /// Whether somebody in this block has written the element.
  [[nodiscard]] bool is_written(std::int64_t element) const;

 private:
  struct Cell {
    std::int64_t write_epoch = -1;
    std::int64_t write_warp_epoch = 0;
    std::int64_t read_epoch = -1;
    int writer = 0;
    AccessKind written_by = AccessKind::write;
  };

  /// The lanes of a warp that have read an element, after which of its barriers.
  struct WarpReads {
    std::int64_t warp_epoch = 0;
    std::uint32_t lanes = 0;
  };

  [[nodiscard]] std::optional<Conflict> conflicting_read(std::int64_t element,
                                                         Cell const& cell,
                                                         Access const& access) const;
  void note_read(std::int64_t element, Cell& cell, Access const& access);

  int num_warps_ = 0;
  std::int64_t first_epoch_ = 0;
  std::vector<Cell> cells_;
  std::vector<WarpReads> reads_;  ///< [cells, warps]
};

/// What was done to each element of the device's memory in a launch. Nothing orders two blocks;
/// within one, its barriers do. May miss a race where several threads have read; invents none.
class GlobalLog {
 public:
  /// Forgets everything: a launch begins.
  void begin_launch();

  /// A block begins, with a barrier behind the last one's.
  void begin_block(std::int64_t epoch) { first_epoch_ = epoch; }

  /// Notes an access; tells of one that conflicts with it.
  [[nodiscard]] std::optional<Conflict> note(void const* element, Access const& access);

  /// Whether an access of that epoch was of the block that runs.
  [[nodiscard]] bool is_own(std::int64_t epoch) const noexcept { return epoch >= first_epoch_; }

 private:
  struct Cell {
    std::int64_t write_epoch = -1;
    std::int64_t read_epoch = -1;
    std::int64_t other_read_epoch = -1;  ///< of another thread than `reader`
    int writer = 0;
    int reader = 0;
    int other_reader = 0;
    bool is_atomic = false;
  };

  static constexpr std::uintptr_t page_bytes = 256;
  using Page = std::array<Cell, page_bytes>;

  [[nodiscard]] Cell& cell_of(void const* element);
  [[nodiscard]] bool is_ordered(std::int64_t epoch, int thread, Access const& access) const;

  std::int64_t first_epoch_ = 0;
  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages_;
  std::uintptr_t last_number_ = 0;
  Page* last_page_ = nullptr;
};

}  // namespace talus::kernels::block::emulation
