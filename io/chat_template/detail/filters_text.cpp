// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"
#include "io/chat_template/detail/wrap.hpp"

namespace talus::io::jinja::filters {
namespace {

// A string that must be one, as opposed to something that is printed as one.
std::string const& require_text(Value const& value, std::string_view filter) {
  if (!value.is_string()) {
    fail(value.is_undefined() ? value.why_undefined()
                              : concat(filter, ": needs a string, got ", type_name(value)));
  }
  return value.as_string();
}

std::size_t to_size(std::int64_t count) {
  return count < 0 ? no_limit : static_cast<std::size_t>(count);
}

bool begins_word(char c) {
  return std::string_view{"-({[< \t\n\r\f\v"}.find(c) != std::string_view::npos;
}

}  // namespace

Value capitalize(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "capitalize", {}};
  return Value{jinja::capitalize(to_text(value))};
}

Value center(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "center", {"width"}};
  return Value{center_text(to_text(value), parameters.integer(0, 80), " ")};
}

Value format(Runtime&, Value const& value, Arguments const& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    fail("format: either positional or named arguments");
  }
  Value const values =
      arguments.named.empty() ? Value::tuple(arguments.positional) : named_arguments(arguments);
  return Value{format_percent(to_text(value), values)};
}

Value indent(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "indent", {"width", "first", "blank"}};
  bool const is_text = parameters.has(0) && parameters[0].is_string();
  std::int64_t const width = is_text ? 0 : parameters.integer(0, 4);
  std::string const indentation =
      is_text ? parameters.text(0) : repeat(" ", to_size(std::max<std::int64_t>(width, 0)));
  std::string const text = require_text(value, "indent") + '\n';

  std::string out;
  bool is_first = true;
  for (std::string_view const line : split_lines(text)) {
    bool const is_indented =
        is_first ? parameters.is_true(1) : !line.empty() || parameters.is_true(2);
    out += is_first ? "" : "\n";
    out += is_indented ? indentation : "";
    out += line;
    if (out.size() > max_value_bytes) {
      fail("indent: the result is larger than ", max_value_bytes, " bytes");
    }
    is_first = false;
  }
  return Value{std::move(out)};
}

Value lower(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "lower", {}};
  return Value{to_lower(to_text(value))};
}

Value upper(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "upper", {}};
  return Value{to_upper(to_text(value))};
}

Value replace(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "replace", {"old", "new", "count"}, 2};
  std::size_t const limit = parameters.has_value(2) ? to_size(parameters.integer(2)) : no_limit;
  return Value{
      jinja::replace(to_text(value), to_text(parameters[0]), to_text(parameters[1]), limit)};
}

Value string(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "string", {}};
  return value.is_string() ? value : Value{to_text(value)};
}

// Each word's first letter in capitals, the others not; a word starts after white space, a hyphen
// or an opening bracket.
Value title(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "title", {}};
  std::string const text = to_text(value);
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    auto const word_end = static_cast<std::size_t>(
        std::find_if(rest.begin(), rest.end(), &begins_word) - rest.begin());
    std::string_view word = rest.substr(0, word_end);
    if (!word.empty()) {
      std::string_view tail = word;
      out += to_upper(to_utf8(take_code_point(tail)));
      out += to_lower(tail);
    }
    rest.remove_prefix(word_end);
    while (!rest.empty() && begins_word(rest.front())) {
      out += rest.front();
      rest.remove_prefix(1);
    }
  }
  return Value{std::move(out)};
}

Value trim(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "trim", {"chars"}};
  std::string const text = to_text(value);
  return Value{parameters.has_value(0) ? strip(text, parameters.text(0), Side::both) : strip(text)};
}

Value truncate(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "truncate", {"length", "killwords", "end", "leeway"}};
  constexpr std::int64_t default_length = 255;
  constexpr std::int64_t default_leeway = 5;
  std::string const end = parameters.text(2, "...");
  std::int64_t const length = parameters.integer(0, default_length);
  std::int64_t const leeway = parameters.has_value(3) ? parameters.integer(3) : default_leeway;
  auto const end_length = static_cast<std::int64_t>(count_code_points(end));
  if (length < end_length || leeway < 0) {
    fail(
        "truncate: length = ", length, ", leeway = ", leeway, " (at least ", end_length, " and 0)");
  }
  if (length_of(value) - leeway <= length) {
    return value;  // whatever it is
  }
  std::string_view kept = require_text(value, "truncate");
  kept = kept.substr(0, offset_of(kept, static_cast<std::size_t>(length - end_length)));
  if (!parameters.is_true(1)) {
    kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  }
  return Value{std::string{kept} + end};
}

Value wordcount(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "wordcount", {}};
  std::string const text = to_text(value);
  std::int64_t count = 0;
  bool is_inside = false;
  for (std::string_view rest = text; !rest.empty();) {
    char32_t const c = take_code_point(rest);
    bool const is_word = c == '_' || is_alpha(c) || is_numeric(c);
    count += is_word && !is_inside ? 1 : 0;
    is_inside = is_word;
  }
  return Value{count};
}

Value wordwrap(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{
      arguments, "wordwrap", {"width", "break_long_words", "wrapstring", "break_on_hyphens"}};
  constexpr std::int64_t default_width = 79;
  std::int64_t const width = parameters.integer(0, default_width);
  if (width <= 0) {
    fail("wordwrap: width = ", width, " (must be positive)");
  }
  WrapOptions const options{
      static_cast<std::size_t>(width), parameters.is_true(1, true), parameters.is_true(3, true)};
  std::string const end = parameters.has_value(2) ? parameters.text(2) : "\n";
  std::string out;
  char const* separator = "";
  for (std::string_view const line : split_lines(require_text(value, "wordwrap"))) {
    out += separator;
    separator = end.c_str();
    char const* line_separator = "";
    for (std::string const& piece : wrap_line(line, options)) {
      out += line_separator + piece;
      line_separator = end.c_str();
    }
  }
  return Value{std::move(out)};
}

}  // namespace talus::io::jinja::filters
