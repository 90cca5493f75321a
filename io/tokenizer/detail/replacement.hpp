// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/regex.hpp"

namespace talus::io::tokenizer {

/// The pattern that a field {"Regex": "..."} or {"String": "..."} holds.
///
/// \throws ConfigError  naming the field, if it is neither or the pattern is wrong
[[nodiscard]] Regex make_regex(JsonField const& field);

/// `text` with `to` in place of each `from`, which isn't empty.
[[nodiscard]] std::string replace_all(std::string_view text,
                                      std::string_view from,
                                      std::string_view to);

/// Puts one text in place of whatever a pattern matches.
class Replacement {
 public:
  /// From a field with "pattern" and "content".
  explicit Replacement(JsonField const& field);

  /// True if matches are taken out.
  [[nodiscard]] bool drops() const noexcept { return content_.empty(); }

  /// `text` with every match replaced.
  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  Regex pattern_;
  std::string literal_;  // what the pattern is, if it is a text that isn't empty
  std::string content_;
};

}  // namespace talus::io::tokenizer
