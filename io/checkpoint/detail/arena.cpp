// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/arena.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/assert.hpp"

namespace talus::io::detail {

// Not make_unique: it would write to all of the memory, and so make it resident.
Arena::Arena(std::int64_t capacity)
    : capacity_{capacity}, memory_{new std::byte[static_cast<std::size_t>(capacity)]} {}

Arena::Buffer::Buffer(Buffer&& other) noexcept
    : arena_{std::exchange(other.arena_, nullptr)}, bytes_{other.bytes_} {}

Arena::Buffer::~Buffer() {
  if (arena_ != nullptr) {
    arena_->give_back(bytes_.data());
  }
}

std::optional<Arena::Buffer> Arena::take(std::int64_t bytes) {
  TALUS_EXPECT(bytes > 0);
  std::int64_t first = 0;
  for (auto const& [taken_first, taken_end] : taken_) {
    if (taken_first - first >= bytes) {
      break;
    }
    first = taken_end;
  }
  if (capacity_ - first < bytes) {
    return std::nullopt;
  }
  taken_.emplace(first, first + bytes);
  peak_ = std::max(peak_, first + bytes);
  return Buffer{this, {memory_.get() + first, static_cast<std::size_t>(bytes)}};
}

void Arena::give_back(std::byte const* data) noexcept {
  taken_.erase(data - memory_.get());
}

}  // namespace talus::io::detail
