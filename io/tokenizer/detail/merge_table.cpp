// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/merge_table.hpp"

namespace talus::io::tokenizer {

MergeTable::MergeTable(std::size_t num_merges) {
  std::size_t num_slots = 2;
  while (num_slots < 2 * num_merges + 1) {
    num_slots *= 2;
    --shift_;
  }
  slots_.resize(num_slots);
  mask_ = num_slots - 1;
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) noexcept {
  std::uint64_t const key = key_of(left, right);
  std::size_t slot = slot_of(key);
  while (slots_[slot].key != empty_key && slots_[slot].key != key) {
    slot = (slot + 1) & mask_;
  }
  slots_[slot] = {key, merge};
}

}  // namespace talus::io::tokenizer
