// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/pre_tokenizer.hpp"
#include "io/tokenizer/detail/vocabulary.hpp"
#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// Turns a word into tokens.
class Model {
 public:
  virtual ~Model() = default;

  /// Appends the ids of `word`, which isn't empty. May be called from several threads at once.
  virtual void encode(std::string_view word, std::vector<TokenId>& ids) const = 0;

  [[nodiscard]] virtual Vocabulary const& vocabulary() const noexcept = 0;
};

/// The model that `field` describes, for words in the given alphabet.
///
/// \throws ConfigError  naming the field, if its type is unknown or it is damaged
[[nodiscard]] std::unique_ptr<Model const> make_model(JsonField const& field,
                                                      WordAlphabet alphabet);

}  // namespace talus::io::tokenizer
