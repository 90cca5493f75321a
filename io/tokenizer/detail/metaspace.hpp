// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/pre_tokenizer.hpp"

namespace talus::io::tokenizer {

/// How SentencePiece writes words: with a visible character in place of each blank, also before the
/// text.
struct MetaspaceOptions {
  enum class Prepends { always, first, never };

  /// \throws ConfigError  naming the field, if it is damaged
  explicit MetaspaceOptions(JsonField const& field);

  std::string replacement;  ///< one character
  Prepends prepends;        ///< to each part of a text, to its beginning only, or to nothing
  bool splits;              ///< cuts before each replacement
};

/// Puts the replacement in place of blanks and cuts there.
class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options);

  void apply(WordList& list) const override;

  [[nodiscard]] bool minds_first() const noexcept {
    return options_.prepends == MetaspaceOptions::Prepends::first;
  }

 private:
  void cut(std::string_view text, Span word, std::vector<Span>& words) const;

  MetaspaceOptions options_;
};

}  // namespace talus::io::tokenizer
