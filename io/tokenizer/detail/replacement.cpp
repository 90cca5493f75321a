// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/replacement.hpp"

#include <optional>
#include <vector>

namespace talus::io::tokenizer {

Regex make_regex(JsonField const& field) {
  if (std::optional<JsonField> const pattern = field.find("Regex")) {
    return {pattern->string(), pattern->place()};
  }
  if (std::optional<JsonField> const literal = field.find("String")) {
    return Regex::literal(literal->string(), literal->place());
  }
  field.refuse("must have a \"Regex\" or a \"String\"");
}

Replacement::Replacement(JsonField const& field)
    : pattern_{make_regex(field.at("pattern"))}, content_{field.at("content").string()} {}

std::string Replacement::apply(std::string_view text) const {
  if (text.empty()) {
    return {};
  }
  std::string replaced;
  replaced.reserve(text.size());
  std::vector<Match> parts;
  Regex::Searcher{pattern_}.find_all(text, {0, text.size()}, parts);
  for (Match const& part : parts) {
    if (part.is_match) {
      replaced += content_;
    } else {
      replaced += text.substr(part.span.begin, part.span.end - part.span.begin);
    }
  }
  return replaced;
}

}  // namespace talus::io::tokenizer
