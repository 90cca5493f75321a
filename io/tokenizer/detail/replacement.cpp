// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/replacement.hpp"

#include <optional>
#include <vector>

#include "io/tokenizer/detail/text_limit.hpp"

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
    : pattern_{make_regex(field.at("pattern"))}, content_{field.at("content").string()} {
  if (auto const literal = field.at("pattern").find("String")) {
    literal_ = literal->string();
  }
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced;
  replaced.reserve(text.size() + text.size() / 2);
  std::size_t covered = 0;
  for (std::size_t found = 0; (found = text.find(from, covered)) != std::string_view::npos;) {
    replaced += text.substr(covered, found - covered);
    replaced += to;
    check_text_bytes(replaced.size());
    covered = found + from.size();
  }
  replaced += text.substr(covered);
  return replaced;
}

std::string Replacement::apply(std::string_view text) const {
  if (text.empty()) {
    return {};
  }
  if (!literal_.empty()) {
    return replace_all(text, literal_, content_);
  }
  std::string replaced;
  replaced.reserve(text.size());
  std::vector<Match> parts;
  Regex::Searcher{pattern_}.find_all(text, {0, text.size()}, parts);
  for (Match const& part : parts) {
    if (part.is_match) {
      replaced += content_;
      check_text_bytes(replaced.size());
    } else {
      replaced += text.substr(part.span.begin, part.span.end - part.span.begin);
    }
  }
  return replaced;
}

}  // namespace talus::io::tokenizer
