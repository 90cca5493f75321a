// SPDX-License-Identifier: Apache-2.0
#include "runtime/kv_cache/block_tables.hpp"

#include <algorithm>

#include "runtime/base/assert.hpp"

namespace talus::runtime {

void BlockTables::reserve(KvGeometry const& geometry, std::int32_t tokens) {
  TALUS_EXPECT(num_held_ == 0);
  num_groups_ = geometry.num_groups();
  stride_ = geometry.blocks_for(tokens);
  blocks_.resize(static_cast<std::size_t>(num_groups_ * stride_));
}

bool BlockTables::grow(BlockPool& pool, KvGeometry const& geometry, std::int32_t tokens) {
  while (capacity_ < tokens) {
    if (pool.num_free() < num_groups_) {
      return false;
    }
    for (std::int32_t group = 0; group < num_groups_; ++group) {
      at(group, size_) = *pool.allocate();
    }
    ++size_;
    capacity_ += geometry.block_tokens();
    num_held_ += num_groups_;
    num_charged_ += num_groups_;
  }
  return true;
}

void BlockTables::release_before(BlockPool& pool,
                                 KvGeometry const& geometry,
                                 std::int32_t position) {
  if (position < next_release_) {
    return;  // as in all steps but one of block_tokens
  }
  for (std::int32_t group = 0; group < num_groups_; ++group) {
    std::int32_t const end = std::min(geometry.first_block(group, position), size_);
    for (std::int32_t entry = geometry.first_block(group, position_); entry < end; ++entry) {
      BlockId& block = at(group, entry);
      pool.release(block);
      block = no_block;
      --num_held_;
      num_charged_ -= entry < shared_ ? 0 : 1;
    }
  }
  position_ = std::max(position_, position);
  next_release_ = geometry.next_release(position_);
}

bool BlockTables::covers(KvGeometry const& geometry, std::int32_t position) const noexcept {
  for (std::int32_t group = 0; group < num_groups_; ++group) {
    if (geometry.first_block(group, position_) > geometry.first_block(group, position)) {
      return false;
    }
  }
  return capacity_ >= position;
}

void BlockTables::share(BlockPool& pool,
                        KvGeometry const& geometry,
                        BlockTables const& other,
                        std::int32_t num_blocks,
                        std::int32_t position) {
  TALUS_EXPECT(size_ == 0 && num_blocks <= stride_ && other.covers(geometry, position));
  for (std::int32_t group = 0; group < num_groups_; ++group) {
    std::int32_t const first = std::min(geometry.first_block(group, position), num_blocks);
    std::span<BlockId const> const theirs = other.table(group);
    for (std::int32_t entry = 0; entry < num_blocks; ++entry) {
      bool const is_seen = entry >= first;
      at(group, entry) = is_seen ? theirs[static_cast<std::size_t>(entry)] : no_block;
      if (is_seen) {
        pool.share(at(group, entry));
      }
    }
    num_held_ += num_blocks - first;
    num_charged_ += geometry.is_windowed(group) ? 0 : num_blocks;
  }
  size_ = num_blocks;
  capacity_ = num_blocks * geometry.block_tokens();
  shared_ = num_blocks;
  position_ = position;
  next_release_ = 0;
}

std::int32_t BlockTables::num_sole(BlockPool const& pool) const {
  std::int32_t count = 0;
  for (std::int32_t group = 0; group < num_groups_; ++group) {
    for (BlockId const block : table(group)) {
      count += block != no_block && pool.owners(block) == 1 ? 1 : 0;
    }
  }
  return count;
}

void BlockTables::clear(BlockPool& pool) {
  // Last first, so that a sequence that comes back gets its blocks in the same order.
  for (std::int32_t entry = size_; entry-- > 0;) {
    for (std::int32_t group = num_groups_; group-- > 0;) {
      if (at(group, entry) != no_block) {
        pool.release(at(group, entry));
      }
    }
  }
  size_ = 0;
  capacity_ = 0;
  shared_ = 0;
  position_ = 0;
  next_release_ = 0;
  num_held_ = 0;
  num_charged_ = 0;
}

}  // namespace talus::runtime
