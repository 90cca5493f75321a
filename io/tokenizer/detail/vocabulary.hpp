// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// A model's tokens and their ids.
class Vocabulary {
 public:
  /// From an object that gives each token its id.
  ///
  /// \throws ConfigError  naming the token, if its id isn't one or is another token's
  explicit Vocabulary(JsonField const& field);

  /// From tokens in the order of their ids; of equal ones the last is found. `field` is where they
  /// are from.
  ///
  /// \throws ConfigError  naming the field, if they are too many
  Vocabulary(std::vector<std::string> tokens, JsonField const& field);

  Vocabulary(Vocabulary const&) = delete;
  Vocabulary& operator=(Vocabulary const&) = delete;

  [[nodiscard]] std::optional<TokenId> find(std::string_view token) const;

  /// The token with that id; null if there is none.
  [[nodiscard]] std::string const* token(TokenId id) const noexcept;

  /// Number of tokens; ids may go beyond it.
  [[nodiscard]] std::size_t num_tokens() const noexcept { return num_tokens_; }

  /// Largest id + 1.
  [[nodiscard]] TokenId end_id() const noexcept { return static_cast<TokenId>(tokens_.size()); }

 private:
  std::vector<std::optional<std::string>> tokens_;  // by id
  std::unordered_map<std::string_view, TokenId> id_of_;
  std::size_t num_tokens_ = 0;
};

}  // namespace talus::io::tokenizer
