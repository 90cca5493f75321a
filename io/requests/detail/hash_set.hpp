// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace talus::io::detail {

/// A set of 64-bit hashes in one table, at most half full: 16 to 32 bytes each.
class HashSet {
 public:
  /// Adds a hash; false if it was there.
  bool insert(std::uint64_t hash) {
    hash = hash == free_slot ? free_slot + 1 : hash;
    if (2 * (size_ + 1) > slots_.size()) {
      grow();
    }
    auto& slot = slots_[slot_of(hash)];
    if (slot == hash) {
      return false;
    }
    slot = hash;
    ++size_;
    return true;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Forgets all and gives the memory back.
  void clear() {
    slots_ = std::vector<std::uint64_t>(1024, free_slot);
    size_ = 0;
  }

 private:
  static constexpr std::uint64_t free_slot = 0;

  // Where the hash is, or where it would go.
  [[nodiscard]] std::size_t slot_of(std::uint64_t hash) const noexcept {
    std::size_t const mask = slots_.size() - 1;
    std::size_t slot = hash & mask;
    while (slots_[slot] != free_slot && slots_[slot] != hash) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  void grow() {
    auto const old = std::move(slots_);
    slots_ = std::vector<std::uint64_t>(2 * old.size(), free_slot);
    for (std::uint64_t const hash : old) {
      if (hash != free_slot) {
        slots_[slot_of(hash)] = hash;
      }
    }
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024, free_slot);
  std::size_t size_ = 0;
};

}  // namespace talus::io::detail
