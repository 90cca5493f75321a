// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace talus::runtime {

/// Number of a KV block, the same in every layer's cache.
enum class BlockId : std::int32_t {};

/// Which KV blocks are free, and how many owners each other one has.
///
/// Knows nothing of devices or ranks: every rank of a replica runs the same pool and comes to the
/// same numbers. Freed blocks are reused last in, first out.
class BlockPool {
 public:
  /// \pre num_blocks >= 0
  explicit BlockPool(std::int32_t num_blocks);

  /// A block with one owner, or nothing if none is free.
  [[nodiscard]] std::optional<BlockId> allocate();

  /// Adds an owner.
  /// \pre the block has one
  void share(BlockId block);

  /// Takes an owner away; the last one frees the block.
  /// \pre the block has one
  void release(BlockId block);

  [[nodiscard]] std::int32_t owners(BlockId block) const;

  [[nodiscard]] std::int32_t num_free() const noexcept {
    return static_cast<std::int32_t>(free_.size());
  }

  [[nodiscard]] std::int32_t num_blocks() const noexcept {
    return static_cast<std::int32_t>(owners_.size());
  }

 private:
  std::vector<std::int32_t> owners_;
  std::vector<BlockId> free_;
};

}  // namespace talus::runtime
