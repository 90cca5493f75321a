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

/// Puts one text in place of whatever a pattern matches.
class Replacement {
 public:
  /// From a field with "pattern" and "content".
  explicit Replacement(JsonField const& field);

  /// `text` with every match replaced.
  [[nodiscard]] std::string apply(std::string_view text) const;

 private:
  Regex pattern_;
  std::string content_;
};

}  // namespace talus::io::tokenizer
