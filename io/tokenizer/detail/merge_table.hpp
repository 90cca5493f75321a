// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// What a pair of neighbours becomes, and how early.
struct Merge {
  static constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t rank = never;  ///< the smallest goes first; `never`: the pair stays apart
  TokenId merged = 0;
};

/// A hash table from pairs of tokens to their merges: open addressing, at most half full.
class MergeTable {
 public:
  explicit MergeTable(std::size_t num_merges);

  /// Sets a pair's merge, also over an earlier one. Not more pairs than announced.
  void insert(TokenId left, TokenId right, Merge merge) noexcept;

  /// The pair's merge; rank `never` if there is none.
  [[nodiscard]] Merge find(TokenId left, TokenId right) const noexcept {
    std::uint64_t const key = key_of(left, right);
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) {
        return slots_[slot].merge;
      }
      if (slots_[slot].key == empty_key) {
        return {};
      }
    }
  }

 private:
  static constexpr std::uint64_t empty_key = std::numeric_limits<std::uint64_t>::max();

  struct Slot {
    std::uint64_t key = empty_key;
    Merge merge;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32U |
           std::uint64_t{static_cast<std::uint32_t>(right)};
  }

  // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the product's upper bits.
  std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> shift_) & mask_;
  }

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 63;
};

}  // namespace talus::io::tokenizer
