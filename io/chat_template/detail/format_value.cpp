// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

// Any number from here on stands for itself: it is refused where it is used.
constexpr std::size_t too_large = 2 * max_value_bytes;

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool take_one(std::string_view& text, char c) {
  bool const is_here = !text.empty() && text.front() == c;
  text.remove_prefix(is_here ? 1 : 0);
  return is_here;
}

// Digits, if there are any; `otherwise` if not.
std::size_t take_number(std::string_view& text, std::size_t otherwise) {
  if (text.empty() || !is_one_of(text.front(), "0123456789")) {
    return otherwise;
  }
  std::size_t number = 0;
  while (!text.empty() && is_one_of(text.front(), "0123456789")) {
    number = std::min(number * 10 + static_cast<std::size_t>(text.front() - '0'), too_large);
    text.remove_prefix(1);
  }
  return number;
}

void take_alignment(std::string_view& text, Layout& layout) {
  constexpr std::string_view alignments = "<>^=";
  if (text.empty()) {
    return;
  }
  std::string_view rest = text;
  char32_t const first = take_code_point(rest);
  if (!rest.empty() && is_one_of(rest.front(), alignments)) {
    layout.fill = first;
    layout.align = rest.front();
    text = rest.substr(1);
  } else if (is_one_of(text.front(), alignments)) {
    layout.align = text.front();
    text.remove_prefix(1);
  }
}

Layout parse_layout(std::string_view specification) {
  Layout layout;
  std::string_view rest = specification;
  take_alignment(rest, layout);
  if (!rest.empty() && is_one_of(rest.front(), "+- ")) {
    layout.sign = rest.front();
    rest.remove_prefix(1);
  }
  layout.is_alternate = take_one(rest, '#');
  if (take_one(rest, '0') && layout.align == '\0') {
    layout.fill = '0';
    layout.align = '=';
  }
  layout.width = take_number(rest, 0);
  if (!rest.empty() && is_one_of(rest.front(), ",_")) {
    layout.grouping = rest.front();
    rest.remove_prefix(1);
  }
  if (take_one(rest, '.')) {
    if (rest.empty() || !is_one_of(rest.front(), "0123456789")) {
      fail("format: '", specification, "' lacks the precision's digits");
    }
    layout.precision = static_cast<int>(take_number(rest, 0));
  }
  if (!rest.empty()) {
    layout.type = rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) {
    fail("format: '", specification, "' is no format specification");
  }
  return layout;
}

[[noreturn]] void fail_type(Value const& value, char type) {
  fail("format: '", type, "' is not for a ", type_name(value));
}

std::string format_string(Value const& value, Layout const& layout) {
  if ((layout.type != '\0' && layout.type != 's') || layout.align == '=') {
    fail_type(value, layout.align == '=' ? '=' : layout.type);
  }
  std::string_view text = value.as_string();
  if (layout.precision >= 0) {
    text = text.substr(0, offset_of(text, static_cast<std::size_t>(layout.precision)));
  }
  return pad(std::string{text}, layout, '<');
}

std::string format_integral(Value const& value, Layout const& layout) {
  std::int64_t const number = value.as_integer();
  if (layout.type == '\0' || is_one_of(layout.type, "bdoxXn")) {
    if (layout.precision >= 0) {
      fail("format: a precision is not for integers");
    }
    return pad(format_integer(number, layout), layout, '>');
  }
  if (layout.type == 'c') {
    return pad(
        to_utf8(static_cast<char32_t>(std::clamp<std::int64_t>(number, 0, 0xD7FF))), layout, '<');
  }
  if (!is_one_of(layout.type, "eEfFgG%")) {
    fail_type(value, layout.type);
  }
  return pad(format_float(static_cast<double>(number), layout), layout, '>');
}

}  // namespace

std::string format_value(Value const& value, std::string_view specification) {
  if (specification.empty()) {
    return to_text(value);
  }
  Layout const layout = parse_layout(specification);
  if (value.is_string()) {
    return format_string(value, layout);
  }
  if (value.is_integral()) {
    return format_integral(value, layout);
  }
  if (!value.is(Kind::floating)) {
    fail("format: a ", type_name(value), " takes no format specification");
  }
  if (layout.type != '\0' && !is_one_of(layout.type, "eEfFgGn%")) {
    fail_type(value, layout.type);
  }
  return pad(format_float(value.as_floating(), layout), layout, '>');
}

}  // namespace talus::io::jinja
