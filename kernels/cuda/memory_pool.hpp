// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace talus::kernels::cuda {

/// Shares out one range of memory, sized once: so that nothing is asked of the driver later.
///
/// Only offsets: whose memory it is, and whether it can be touched here, doesn't matter. Pieces are
/// taken first-fit, and free neighbours join again. Not for several threads.
class MemoryPool {
 public:
  /// Where a piece begins: a multiple of it.
  static constexpr std::int64_t alignment = 256;

  /// \pre bytes >= 0
  explicit MemoryPool(std::int64_t bytes);

  /// The offset of `bytes` > 0 bytes; nothing where no free piece is as large.
  [[nodiscard]] std::optional<std::int64_t> take(std::int64_t bytes);

  /// \param offset  that take() gave
  void give_back(std::int64_t offset);

  [[nodiscard]] std::int64_t size() const noexcept { return size_; }

  /// Bytes that are taken, with what alignment adds to them.
  [[nodiscard]] std::int64_t used() const noexcept { return used_; }

  /// The most that was taken at a time.
  [[nodiscard]] std::int64_t most_used() const noexcept { return most_used_; }

  /// The largest piece that take() would give.
  [[nodiscard]] std::int64_t largest_free() const noexcept;

  /// Calls of take() so far: a test that nothing is allocated in a loop compares it.
  [[nodiscard]] std::int64_t num_taken() const noexcept { return num_taken_; }

 private:
  std::int64_t size_ = 0;
  std::int64_t used_ = 0;
  std::int64_t most_used_ = 0;
  std::int64_t num_taken_ = 0;
  std::map<std::int64_t, std::int64_t> free_;   ///< sizes of free pieces, by offset
  std::map<std::int64_t, std::int64_t> taken_;  ///< sizes of the others
};

}  // namespace talus::kernels::cuda
