// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// Words met before and their ids; what is in stays in, and what finds no room is left out.
///
/// All members may be called from several threads at once and never wait: a slot is filled once, by
/// an atomic exchange, with an entry that doesn't change.
class WordCache {
 public:
  WordCache();
  ~WordCache();

  WordCache(WordCache const&) = delete;
  WordCache& operator=(WordCache const&) = delete;

  /// A word's place in the cache: look it up, and offer its ids if it wasn't there.
  class Place {
   public:
    /// The ids; null if the word isn't there.
    [[nodiscard]] std::vector<TokenId> const* ids() const noexcept { return ids_; }

   private:
    friend class WordCache;

    std::vector<TokenId> const* ids_ = nullptr;
    std::size_t hash_ = 0;
  };

  [[nodiscard]] Place find(std::string_view word) const noexcept;

  /// Keeps the ids of a word that find() didn't find at `place`.
  void insert(Place place, std::string_view word, std::span<TokenId const> ids) const;

 private:
  struct Entry {
    std::string word;
    std::vector<TokenId> ids;
  };

  // 2^15 slots of at most 64 bytes of word each: some 5 MB when full.
  static constexpr std::size_t num_slots = std::size_t{1} << 15U;
  static constexpr std::size_t num_probes = 4;
  static constexpr std::size_t max_word_bytes = 64;

  std::vector<std::atomic<Entry const*>> mutable slots_;
};

}  // namespace talus::io::tokenizer
