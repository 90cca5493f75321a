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
#include "io/tokenizer/detail/word_ends.hpp"

namespace talus::io::tokenizer {

/// Byte pair encoding: a word's characters, merged pair by pair (merge_word.hpp).
class BpeModel final : public Model {
 public:
  /// \throws ConfigError  naming the field, if it is damaged or asks for dropout, or a prefix or
  ///                      suffix of parts of words
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

  void set_byte_tables(JsonField const& field);
  void set_character_tables(JsonField const& field);
  [[nodiscard]] std::optional<TokenId> find_word(std::string_view word) const;
  [[nodiscard]] TokenId find_character(char32_t code, std::string_view character) const;
  bool append_fallback(std::string_view character, std::vector<TokenId>& symbols) const;
  void append_byte_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void append_character_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void append_symbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void encode_part(std::string_view part, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  WordAlphabet alphabet_;
  bool ignore_merges_;  // a word that is a token is taken as it is
  bool fuse_unknown_;   // neighbouring unknown characters are one unknown token
  bool falls_back_;     // a character that is no token becomes its bytes' tokens
  std::optional<TokenId> unknown_;
  std::array<TokenId, 256> id_of_byte_{};  // in the alphabet, or as <0x0A> for falling back
  std::vector<TokenId> id_of_character_;   // with alphabet characters, of the first plane
  WordEnds word_ends_;                     // with alphabet characters
  // With alphabet bytes and ignore_merges.
  std::unordered_map<std::string, TokenId, HashView, std::equal_to<>> id_of_bytes_;
  WordCache cache_;
};

}  // namespace talus::io::tokenizer
