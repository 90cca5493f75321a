// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/tokenizer/detail/merge_table.hpp"
#include "io/tokenizer/detail/model.hpp"
#include "io/tokenizer/detail/word_cache.hpp"

namespace talus::io::tokenizer {

/// Byte pair encoding: a word's characters, merged pair by pair (merge_word.hpp).
class BpeModel final : public Model {
 public:
  /// \throws ConfigError  naming the field, if it is damaged or asks for dropout, byte fallback, or
  /// a
  ///                      prefix or suffix of parts of words
  BpeModel(JsonField const& field, WordAlphabet alphabet);

  void encode(std::string_view word, std::vector<TokenId>& ids) const override;

  [[nodiscard]] Vocabulary const& vocabulary() const noexcept override { return vocabulary_; }

 private:
  static constexpr TokenId no_token = -1;

  /// Lets a map of strings be asked for a view.
  struct HashView {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  void set_byte_tables();
  [[nodiscard]] std::optional<TokenId> find_word(std::string_view word) const;
  void append_symbols(std::string_view word, std::vector<TokenId>& symbols) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  WordAlphabet alphabet_;
  bool ignore_merges_;  // a word that is a token is taken as it is
  bool fuse_unknown_;   // neighbouring unknown characters are one unknown token
  std::optional<TokenId> unknown_;
  std::array<TokenId, 256> id_of_byte_{};  // with alphabet bytes
  // With alphabet bytes and ignore_merges.
  std::unordered_map<std::string, TokenId, HashView, std::equal_to<>> id_of_bytes_;
  WordCache cache_;
};

}  // namespace talus::io::tokenizer
