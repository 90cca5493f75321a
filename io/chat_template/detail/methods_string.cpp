// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/methods.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"
#include "io/chat_template/detail/wrap.hpp"

namespace talus::io::jinja {
namespace {

std::size_t to_limit(std::int64_t count) {
  return count < 0 ? no_limit : static_cast<std::size_t>(count);
}

Value to_list(std::vector<std::string_view> const& parts) {
  return Value::list(to_values(parts));
}

template <std::string (*change)(std::string_view)>
Value changed(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "str method", {}};
  return Value{change(self.as_string())};
}

template <Side side>
Value stripped(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "strip", {"chars"}};
  return Value{parameters.has_value(0) ? strip(self.as_string(), parameters.text(0), side)
                                       : strip(self.as_string(), side)};
}

template <Side from>
Value split_text(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "split", {"sep", "maxsplit"}};
  std::size_t const limit = to_limit(parameters.integer(1, -1));
  return to_list(parameters.has_value(0) ? split(self.as_string(), parameters.text(0), from, limit)
                                         : split_spaces(self.as_string(), from, limit));
}

Value split_into_lines(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "splitlines", {"keepends"}};
  return to_list(
      split_lines(self.as_string(), parameters.is_true(0) ? LineEnds::keep : LineEnds::drop));
}

Value replace_text(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "replace", {"old", "new", "count"}, 2};
  return Value{replace(self.as_string(),
                       parameters.text(0),
                       parameters.text(1),
                       to_limit(parameters.integer(2, -1)))};
}

Value join_texts(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "join", {"iterable"}, 1};
  std::string out;
  bool is_first = true;
  for (auto const sequence = to_sequence(parameters[0]); Value const& item : sequence->items()) {
    if (!item.is_string()) {
      fail("join: needs strings, got ", type_name(item));
    }
    out += is_first ? "" : self.as_string();
    out += item.as_string();
    is_first = false;
    if (out.size() > max_value_bytes) {
      fail("join: the result is larger than ", max_value_bytes, " bytes");
    }
  }
  return Value{std::move(out)};
}

Value format_text(Runtime&, Value const& self, Arguments const& arguments) {
  return Value{format_braces(self.as_string(), arguments)};
}

Value format_text_map(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "format_map", {"mapping"}, 1};
  if (!parameters[0].is(Kind::dict)) {
    fail("format_map: needs a dict, got ", type_name(parameters[0]));
  }
  Arguments named;
  for (auto const& [key, value] : parameters[0].as_dict().entries()) {
    if (key.is_string()) {
      named.named.emplace_back(key.as_string(), value);
    }
  }
  return Value{format_braces(self.as_string(), named)};
}

std::string require_fill(Parameters const& parameters) {
  std::string fill = parameters.text(1, " ");
  if (count_code_points(fill) != 1) {
    fail("the fill must be one character");
  }
  return fill;
}

Value center(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "center", {"width", "fillchar"}, 1};
  return Value{center_text(self.as_string(), parameters.integer(0), require_fill(parameters))};
}

std::string missing_fill(Value const& self, Parameters const& parameters) {
  std::string const fill = require_fill(parameters);
  auto const length = static_cast<std::int64_t>(self.as_text().length);
  std::int64_t const width = std::max(parameters.integer(0), length);
  return repeat(fill, static_cast<std::size_t>(width - length));
}

Value justify_left(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "ljust", {"width", "fillchar"}, 1};
  return Value{self.as_string() + missing_fill(self, parameters)};
}

Value justify_right(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "rjust", {"width", "fillchar"}, 1};
  return Value{missing_fill(self, parameters) + self.as_string()};
}

Value fill_zeros(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "zfill", {"width"}, 1};
  Layout layout;
  layout.fill = '0';
  layout.align = '=';
  layout.width = static_cast<std::size_t>(std::max<std::int64_t>(parameters.integer(0), 0));
  bool const has_sign = self.as_string().starts_with('-') || self.as_string().starts_with('+');
  layout.align = has_sign ? '=' : '>';
  return Value{pad(self.as_string(), layout, '>')};
}

Value expand_tabs(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "expandtabs", {"tabsize"}};
  constexpr std::int64_t max_tab = 1000;
  std::int64_t const size = std::clamp<std::int64_t>(parameters.integer(0, 8), 0, max_tab);
  std::string out;
  std::int64_t column = 0;
  for (std::string_view rest = self.as_string(); !rest.empty();) {
    char32_t const c = take_code_point(rest);
    if (c == '\t') {
      std::int64_t const blanks = size == 0 ? 0 : size - column % size;
      out.append(static_cast<std::size_t>(blanks), ' ');
      column += blanks;
    } else {
      append_code_point(out, c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    if (out.size() > max_value_bytes) {
      fail("expandtabs: the result is larger than ", max_value_bytes, " bytes");
    }
  }
  return Value{std::move(out)};
}

Value remove_prefix(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "removeprefix", {"prefix"}, 1};
  std::string_view text = self.as_string();
  text.remove_prefix(text.starts_with(parameters.text(0)) ? parameters.text(0).size() : 0);
  return Value{text};
}

Value remove_suffix(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "removesuffix", {"suffix"}, 1};
  std::string_view text = self.as_string();
  text.remove_suffix(text.ends_with(parameters.text(0)) ? parameters.text(0).size() : 0);
  return Value{text};
}

// What str.translate() makes of one character: the table's entry for its code.
std::string translation_of(Value const* entry, std::string_view character) {
  if (entry == nullptr) {
    return std::string{character};
  }
  if (entry->is_string()) {
    return entry->as_string();
  }
  if (entry->is_none()) {
    return {};
  }
  std::int64_t const code = to_integer(*entry, "translate");
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    fail("translate: ", code, " is no character");
  }
  return to_utf8(static_cast<char32_t>(code));
}

Value translate(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "translate", {"table"}, 1};
  if (!parameters[0].is(Kind::dict)) {
    fail("translate: needs a dict, got ", type_name(parameters[0]));
  }
  std::string out;
  for (std::string_view const character : split_code_points(self.as_string())) {
    std::string_view peek = character;
    Value const code{static_cast<std::int64_t>(take_code_point(peek))};
    out += translation_of(parameters[0].as_dict().find(code), character);
    if (out.size() > max_value_bytes) {
      fail("translate: the result is larger than ", max_value_bytes, " bytes");
    }
  }
  return Value{std::move(out)};
}

Value encode(Runtime&, Value const&, Arguments const&) {
  fail("encode: bytes are not supported");
}

}  // namespace

Method find_string_method(std::string_view name) noexcept {
  constexpr Named<Method> table[] = {
      {"capitalize", &changed<&capitalize>},
      {"casefold", &changed<&case_fold>},
      {"center", &center},
      {"encode", &encode},
      {"expandtabs", &expand_tabs},
      {"format", &format_text},
      {"format_map", &format_text_map},
      {"join", &join_texts},
      {"ljust", &justify_left},
      {"lower", &changed<&to_lower>},
      {"lstrip", &stripped<Side::left>},
      {"removeprefix", &remove_prefix},
      {"removesuffix", &remove_suffix},
      {"replace", &replace_text},
      {"rjust", &justify_right},
      {"rsplit", &split_text<Side::right>},
      {"rstrip", &stripped<Side::right>},
      {"split", &split_text<Side::left>},
      {"splitlines", &split_into_lines},
      {"strip", &stripped<Side::both>},
      {"swapcase", &changed<&swap_case>},
      {"title", &changed<&to_title>},
      {"translate", &translate},
      {"upper", &changed<&to_upper>},
      {"zfill", &fill_zeros},
  };
  return find_named(table, name);
}

}  // namespace talus::io::jinja
