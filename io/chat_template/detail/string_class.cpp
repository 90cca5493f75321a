// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/string_class.hpp"

#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

using Predicate = bool (*)(char32_t) noexcept;

// There is one that is wanted, and none that is not.
bool is_case(std::string_view text, Predicate wanted, Predicate unwanted) {
  bool has_wanted = false;
  while (!text.empty()) {
    char32_t const c = take_code_point(text);
    if (unwanted(c) || is_title(c)) {
      return false;
    }
    has_wanted |= wanted(c);
  }
  return has_wanted;
}

}  // namespace

bool all_code_points(std::string_view text, Predicate predicate) {
  bool const is_empty = text.empty();
  while (!text.empty()) {
    if (!predicate(take_code_point(text))) {
      return false;
    }
  }
  return !is_empty;
}

bool is_lower_case(std::string_view text) {
  return is_case(text, &is_lower, &is_upper);
}

bool is_upper_case(std::string_view text) {
  return is_case(text, &is_upper, &is_lower);
}

bool is_title_case(std::string_view text) {
  bool has_word = false;
  bool is_inside = false;
  while (!text.empty()) {
    char32_t const c = take_code_point(text);
    bool const is_capital = is_upper(c) || is_title(c);
    if (is_inside ? is_capital : is_lower(c)) {
      return false;
    }
    is_inside = is_capital || is_lower(c);
    has_word |= is_inside;
  }
  return has_word;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || !is_identifier_start(take_code_point(text))) {
    return false;
  }
  return text.empty() || all_code_points(text, &is_identifier_part);
}

}  // namespace talus::io::jinja
