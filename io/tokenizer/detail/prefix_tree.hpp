// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace talus::io::tokenizer {

/// Many strings with a value each, to be walked byte by byte: the steps are a hash table from node
/// and byte to the next node, open addressing, at most half full.
class PrefixTree {
 public:
  using Node = std::uint32_t;

  static constexpr Node root = 0;
  static constexpr Node nowhere = 0;  // nothing leads back to the root
  static constexpr std::int32_t no_value = -1;

  PrefixTree();

  /// Sets the value, >= 0, of a string that isn't empty; of equal strings the last counts.
  void insert(std::string_view text, std::int32_t value);

  /// The node that a byte leads to; `nowhere` if no string goes on so.
  [[nodiscard]] Node step(Node node, char byte) const noexcept {
    std::uint64_t const key = key_of(node, byte);
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key || slots_[slot].key == empty_key) {
        return slots_[slot].next;
      }
    }
  }

  /// The value of the string that ends at a node; no_value if none does.
  [[nodiscard]] std::int32_t value(Node node) const noexcept { return values_[node]; }

 private:
  static constexpr std::uint64_t empty_key = ~std::uint64_t{0};

  struct Slot {
    std::uint64_t key = empty_key;
    Node next = nowhere;
  };

  static std::uint64_t key_of(Node node, char byte) noexcept {
    return std::uint64_t{node} << 8U | static_cast<unsigned char>(byte);
  }

  // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the product's upper bits.
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> shift_) & mask_;
  }

  void put(std::uint64_t key, Node next) noexcept;
  void grow();

  std::vector<std::int32_t> values_;  // by node
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
};

}  // namespace talus::io::tokenizer
