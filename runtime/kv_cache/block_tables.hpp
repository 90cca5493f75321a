// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/kv_cache/block_pool.hpp"
#include "runtime/kv_cache/kv_geometry.hpp"

namespace talus::runtime {

/// Where a table has no block: all of its positions fell out of the group's window.
inline constexpr BlockId no_block{-1};

/// The blocks of one sequence: a table for each KV group, all of the same length. Entry i of a
/// table is the block of positions [i * block_tokens, (i + 1) * block_tokens), or no_block.
///
/// Owns what it holds only in the pool's books: clear() before it goes.
class BlockTables {
 public:
  /// Makes room for `tokens` tokens, so that nothing allocates memory later.
  /// \pre nothing is held
  void reserve(KvGeometry const& geometry, std::int32_t tokens);

  /// Tokens that the tables can hold.
  [[nodiscard]] std::int32_t capacity() const noexcept { return capacity_; }

  /// Blocks held, over all groups.
  [[nodiscard]] std::int32_t num_held() const noexcept { return num_held_; }

  /// Of these, the ones that this sequence answers for: all but those of windows that it shares,
  /// which go when the window moves on without making room for the next.
  [[nodiscard]] std::int32_t num_charged() const noexcept { return num_charged_; }

  [[nodiscard]] std::span<BlockId const> table(std::int32_t group) const noexcept {
    return {blocks_.data() + static_cast<std::ptrdiff_t>(group) * stride_,
            static_cast<std::size_t>(size_)};
  }

  /// Takes blocks until `tokens` tokens fit; those of all groups for a stretch of positions, or
  /// none of them.
  ///
  /// \return  false if the pool has no more: what was got is kept
  [[nodiscard]] bool grow(BlockPool& pool, KvGeometry const& geometry, std::int32_t tokens);

  /// Releases the blocks that no query at `position` or later sees.
  void release_before(BlockPool& pool, KvGeometry const& geometry, std::int32_t position);

  /// Whether all blocks are here that queries at `position` and later see of the positions before.
  [[nodiscard]] bool covers(KvGeometry const& geometry, std::int32_t position) const noexcept;

  /// Becomes an owner of the first `num_blocks` blocks of each of another sequence's tables, but
  /// for those that no query at `position` or later sees.
  /// \pre nothing is held, and `other` covers `position`
  void share(BlockPool& pool,
             KvGeometry const& geometry,
             BlockTables const& other,
             std::int32_t num_blocks,
             std::int32_t position);

  /// Blocks that nobody else owns.
  [[nodiscard]] std::int32_t num_sole(BlockPool const& pool) const;

  /// Releases everything.
  void clear(BlockPool& pool);

 private:
  [[nodiscard]] BlockId& at(std::int32_t group, std::int32_t entry) noexcept {
    return blocks_[static_cast<std::size_t>(group * stride_ + entry)];
  }

  std::vector<BlockId> blocks_;  ///< [groups, stride]
  std::int32_t stride_ = 0;
  std::int32_t size_ = 0;          ///< entries of each table
  std::int32_t capacity_ = 0;      ///< size * block_tokens
  std::int32_t shared_ = 0;        ///< the first entries: those that came from another sequence
  std::int32_t position_ = 0;      ///< blocks that no query from here on sees are released
  std::int32_t next_release_ = 0;  ///< position at which there is more to release
  std::int32_t num_groups_ = 0;
  std::int32_t num_held_ = 0;
  std::int32_t num_charged_ = 0;
};

}  // namespace talus::runtime
