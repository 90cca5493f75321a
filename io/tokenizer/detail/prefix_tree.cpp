// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/prefix_tree.hpp"

#include <utility>

namespace talus::io::tokenizer {
namespace {

constexpr unsigned first_slot_bits = 10;

}  // namespace

PrefixTree::PrefixTree()
    : values_(1, no_value),
      slots_(std::size_t{1} << first_slot_bits),
      mask_{slots_.size() - 1},
      shift_{64 - first_slot_bits} {}

void PrefixTree::put(std::uint64_t key, Node next) noexcept {
  std::size_t slot = slot_of(key);
  while (slots_[slot].key != empty_key) {
    slot = (slot + 1) & mask_;
  }
  slots_[slot] = {key, next};
}

void PrefixTree::grow() {
  std::vector<Slot> const old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  mask_ = slots_.size() - 1;
  --shift_;
  for (Slot const& slot : old) {
    if (slot.key != empty_key) {
      put(slot.key, slot.next);
    }
  }
}

void PrefixTree::insert(std::string_view text, std::int32_t value) {
  Node node = root;
  for (char const byte : text) {
    Node next = step(node, byte);
    if (next == nowhere) {
      if (2 * values_.size() >= slots_.size()) {
        grow();
      }
      next = static_cast<Node>(values_.size());
      values_.push_back(no_value);
      put(key_of(node, byte), next);
    }
    node = next;
  }
  values_[node] = value;
}

}  // namespace talus::io::tokenizer
