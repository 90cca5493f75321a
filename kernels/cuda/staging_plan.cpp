// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/staging_plan.hpp"

#include <cstring>
#include <functional>
#include <string_view>

#include "kernels/cuda/memory_pool.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {

StagingPlan::StagingPlan(std::int64_t bytes)
    : half_bytes_{bytes / 2 / MemoryPool::alignment * MemoryPool::alignment} {}

StagingPlan::Place StagingPlan::take(std::int64_t bytes) {
  Place place;
  if (used_ + bytes > half_bytes_) {
    half_ = 1 - half_;
    used_ = 0;
    known_.clear();
    place.entered = half_;
  }
  place.offset = half_ * half_bytes_ + used_;
  used_ += round_up(bytes, MemoryPool::alignment);
  return place;
}

StagingPlan::Place StagingPlan::place(std::span<std::byte const> array, std::byte const* memory) {
  std::size_t const hash =
      std::hash<std::string_view>{}({reinterpret_cast<char const*>(array.data()), array.size()});
  if (auto const found = known_.find(hash); found != known_.end()) {
    Array const& known = found->second;
    if (known.bytes == array.size() &&
        std::memcmp(memory + known.offset, array.data(), array.size()) == 0) {
      return {.offset = known.offset, .is_there = true, .entered = std::nullopt};
    }
  }
  Place const place = take(static_cast<std::int64_t>(array.size()));
  known_[hash] = {place.offset, array.size()};
  return place;
}

}  // namespace talus::kernels::cuda
