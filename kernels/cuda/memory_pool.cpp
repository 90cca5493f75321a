// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/memory_pool.hpp"

#include <algorithm>
#include <iterator>

#include "runtime/base/assert.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {

MemoryPool::MemoryPool(std::int64_t bytes) : size_{bytes / alignment * alignment} {
  TALUS_EXPECT(bytes >= 0);
  if (size_ > 0) {
    free_.emplace(0, size_);
  }
}

std::optional<std::int64_t> MemoryPool::take(std::int64_t bytes) {
  TALUS_EXPECT(bytes > 0);
  if (bytes > size_) {
    return std::nullopt;
  }
  std::int64_t const wanted = round_up(bytes, alignment);
  auto const piece = std::find_if(
      free_.begin(), free_.end(), [wanted](auto const& entry) { return entry.second >= wanted; });
  if (piece == free_.end()) {
    return std::nullopt;
  }
  auto const [offset, size] = *piece;
  free_.erase(piece);
  if (size > wanted) {
    free_.emplace(offset + wanted, size - wanted);
  }
  taken_.emplace(offset, wanted);
  used_ += wanted;
  most_used_ = std::max(most_used_, used_);
  ++num_taken_;
  return offset;
}

void MemoryPool::give_back(std::int64_t offset) {
  auto const piece = taken_.find(offset);
  TALUS_EXPECT(piece != taken_.end());
  auto const [begin, size] = *piece;
  taken_.erase(piece);
  used_ -= size;
  auto here = free_.emplace(begin, size).first;
  if (auto const next = std::next(here);
      next != free_.end() && here->first + here->second == next->first) {
    here->second += next->second;
    free_.erase(next);
  }
  if (here == free_.begin()) {
    return;
  }
  if (auto const before = std::prev(here); before->first + before->second == here->first) {
    before->second += here->second;
    free_.erase(here);
  }
}

std::int64_t MemoryPool::largest_free() const noexcept {
  std::int64_t largest = 0;
  for (auto const& [offset, size] : free_) {
    largest = std::max(largest, size);
  }
  return largest;
}

}  // namespace talus::kernels::cuda
