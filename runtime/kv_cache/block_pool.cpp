// SPDX-License-Identifier: Apache-2.0
#include "runtime/kv_cache/block_pool.hpp"

#include "runtime/base/assert.hpp"

namespace talus::runtime {
namespace {

std::size_t index_of(BlockId block) {
  return static_cast<std::size_t>(block);
}

}  // namespace

BlockPool::BlockPool(std::int32_t num_blocks) : owners_(static_cast<std::size_t>(num_blocks), 0) {
  free_.reserve(owners_.size());
  for (std::int32_t block = num_blocks; block > 0; --block) {
    free_.push_back(BlockId{block - 1});  // the lowest number is taken first
  }
}

std::optional<BlockId> BlockPool::allocate() {
  if (free_.empty()) {
    return std::nullopt;
  }
  BlockId const block = free_.back();
  free_.pop_back();
  owners_[index_of(block)] = 1;
  return block;
}

void BlockPool::share(BlockId block) {
  TALUS_EXPECT(owners(block) > 0);
  ++owners_[index_of(block)];
}

void BlockPool::release(BlockId block) {
  TALUS_EXPECT(owners(block) > 0);
  if (--owners_[index_of(block)] == 0) {
    free_.push_back(block);
  }
}

std::int32_t BlockPool::owners(BlockId block) const {
  return owners_[index_of(block)];
}

}  // namespace talus::runtime
