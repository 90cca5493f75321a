// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/word_cache.hpp"

#include <functional>
#include <memory>

namespace talus::io::tokenizer {

WordCache::WordCache() : slots_(num_slots) {}

WordCache::~WordCache() {
  for (auto const& slot : slots_) {
    delete slot.load();
  }
}

WordCache::Place WordCache::find(std::string_view word) const noexcept {
  Place place;
  if (word.size() > max_word_bytes) {
    return place;
  }
  place.hash_ = std::hash<std::string_view>{}(word);
  for (std::size_t probe = 0; probe < num_probes; ++probe) {
    auto const& slot = slots_[(place.hash_ + probe) % num_slots];
    Entry const* const entry = slot.load(std::memory_order_acquire);
    if (entry == nullptr) {
      break;
    }
    if (entry->word == word) {
      place.ids_ = &entry->ids;
      break;
    }
  }
  return place;
}

void WordCache::insert(Place place, std::string_view word, std::span<TokenId const> ids) const {
  if (word.size() > max_word_bytes) {
    return;
  }
  for (std::size_t probe = 0; probe < num_probes; ++probe) {
    auto& slot = slots_[(place.hash_ + probe) % num_slots];
    if (slot.load(std::memory_order_relaxed) != nullptr) {
      continue;
    }
    auto entry = std::make_unique<Entry const>(
        Entry{std::string{word}, std::vector<TokenId>(ids.begin(), ids.end())});
    Entry const* expected = nullptr;
    if (slot.compare_exchange_strong(expected, entry.get(), std::memory_order_acq_rel)) {
      (void)entry.release();
    }
    return;
  }
}

}  // namespace talus::io::tokenizer
