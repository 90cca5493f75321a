// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/model.hpp"
#include "io/tokenizer/detail/prefix_tree.hpp"
#include "io/tokenizer/detail/word_cache.hpp"

namespace talus::io::tokenizer {

/// The tokens of highest summed score whose spellings make the word. A character that is no token
/// costs the lowest score less 10; neighbours of that kind are one unknown token, or with byte
/// fallback the tokens of their bytes.
///
/// Reference: Kudo, Subword regularization: improving neural network translation models with
///            multiple subword candidates, ACL 2018, section 3.2.
class UnigramModel final : public Model {
 public:
  /// \throws ConfigError  naming the field, if it is damaged, or words would be written in bytes
  UnigramModel(JsonField const& field, WordAlphabet alphabet);

  /// \throws ConfigError  if the word has an unknown character and the model no token for one
  void encode(std::string_view word, std::vector<TokenId>& ids) const override;

  [[nodiscard]] Vocabulary const& vocabulary() const noexcept override { return vocabulary_; }

 private:
  static constexpr TokenId no_token = -1;

  /// The best way to a place in the word.
  struct Best {
    double score = 0;
    std::size_t begin = 0;  // of the last token on the way
    TokenId token = no_token;
  };

  void add_scores(JsonField const& vocab);
  void extend(std::string_view word, std::size_t begin, std::vector<Best>& best) const;
  void append(std::string_view text, TokenId token, std::vector<TokenId>& ids) const;
  void encode_uncached(std::string_view word, std::vector<TokenId>& ids) const;

  Vocabulary vocabulary_;
  std::vector<double> scores_;  // by id
  double unknown_score_ = 0;
  PrefixTree tree_;
  TokenId unknown_ = no_token;
  std::optional<std::array<TokenId, 256>> id_of_byte_;  // for byte fallback; no_token: has none
  WordCache cache_;
};

}  // namespace talus::io::tokenizer
