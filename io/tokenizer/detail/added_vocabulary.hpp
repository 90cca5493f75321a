// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/normalizer.hpp"
#include "io/tokenizer/detail/token_trie.hpp"
#include "io/tokenizer/detail/vocabulary.hpp"
#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// A token that is found in the text before the model sees it.
struct AddedToken {
  std::string content;
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< takes the whitespace before it along
  bool rstrip = false;       ///< takes the whitespace behind it along
  bool normalized = false;   ///< found in the normalized text, in its normalized form
  bool special = false;      ///< decode() can leave it out

  friend bool operator==(AddedToken const&, AddedToken const&) = default;
};

/// The token that `field` (an entry of added_tokens or added_tokens_decoder) describes.
[[nodiscard]] AddedToken make_added_token(JsonField const& field);

/// All added tokens of a tokenizer.
class AddedVocabulary {
 public:
  /// A part of a text: a token, or text between tokens.
  struct Part {
    std::string_view text;
    std::optional<TokenId> token;
  };

  /// Both must outlive this; the normalizer may be null.
  AddedVocabulary(Vocabulary const& vocabulary, Normalizer const* normalizer) noexcept;

  /// Adds tokens, or gives them new properties; what was special stays so. A token keeps the id
  /// that it or the model has; others get the next free ones, as Hugging Face counts them. Empty
  /// tokens are left out.
  void add(std::vector<AddedToken> tokens);

  /// The added token of that spelling; null if there is none.
  [[nodiscard]] AddedToken const* find(std::string_view content) const;

  [[nodiscard]] std::optional<TokenId> id(std::string_view content) const;

  /// The added token with that id; null if there is none.
  [[nodiscard]] AddedToken const* token(TokenId id) const;

  /// What the decoder gets for a known id: the model's spelling, or an added token's content or its
  /// normalized form.
  [[nodiscard]] std::string text_for_decoder(TokenId id) const;

  /// Largest id of an added token + 1.
  [[nodiscard]] TokenId end_id() const noexcept;

  /// Makes ready for split(); to be called after the last add().
  void build_matchers();

  enum class Stage { raw_text, normalized_text };

  /// Cuts `text` at the tokens that are found at this stage. No part between is empty.
  void split(std::string_view text, Stage stage, std::vector<Part>& parts) const;

 private:
  [[nodiscard]] std::string normalized_content(AddedToken const& token) const;
  [[nodiscard]] TokenId next_free_id() const noexcept;

  Vocabulary const* vocabulary_;
  Normalizer const* normalizer_;
  std::map<TokenId, AddedToken> tokens_;
  std::map<std::string, TokenId, std::less<>> id_of_;
  TokenTrie raw_matcher_;
  TokenTrie normalized_matcher_;
};

}  // namespace talus::io::tokenizer
