// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/methods.hpp"
#include "io/chat_template/detail/string_class.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

// The part of a text that the parameters `start` and `end`, numbers 1 and 2, name.
struct Window {
  Window(Text const& text, Parameters const& parameters) {
    auto const length = static_cast<std::int64_t>(text.length);
    auto const bound = [&](std::size_t i, std::int64_t otherwise) {
      std::int64_t const at = parameters.has_value(i) ? parameters.integer(i) : otherwise;
      return std::max<std::int64_t>(at < 0 ? at + length : at, 0);
    };
    start = bound(1, 0);
    std::int64_t const end = std::min(bound(2, length), length);
    is_empty_place = start > end;
    if (!is_empty_place) {
      std::string_view const tail = std::string_view{text.bytes}.substr(
          offset_of(text.bytes, static_cast<std::size_t>(start)));
      part = tail.substr(0, offset_of(tail, static_cast<std::size_t>(end - start)));
    }
  }

  std::int64_t start;
  bool is_empty_place;  // not even an empty text is there
  std::string_view part;
};

enum class From { start, end };

// The place of a text within the window, or -1.
std::int64_t find_in(Value const& self,
                     Arguments const& arguments,
                     std::string_view method,
                     From from) {
  Parameters const parameters{arguments, method, {"sub", "start", "end"}, 1};
  Window const window{self.as_text(), parameters};
  std::string const& wanted = parameters.text(0);
  if (window.is_empty_place) {
    return -1;
  }
  std::size_t const at =
      from == From::start ? find_bytes(window.part, wanted) : rfind_bytes(window.part, wanted);
  if (at == std::string_view::npos) {
    return -1;
  }
  return window.start + static_cast<std::int64_t>(count_code_points(window.part.substr(0, at)));
}

template <From from>
Value find_text(Runtime&, Value const& self, Arguments const& arguments) {
  return Value{find_in(self, arguments, "find", from)};
}

template <From from>
Value index_of(Runtime&, Value const& self, Arguments const& arguments) {
  std::int64_t const at = find_in(self, arguments, "index", from);
  if (at < 0) {
    fail("index: substring not found");
  }
  return Value{at};
}

Value count(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "count", {"sub", "start", "end"}, 1};
  Window const window{self.as_text(), parameters};
  return Value{window.is_empty_place ? 0 : count_occurrences(window.part, parameters.text(0))};
}

bool touches(std::string_view part, Value const& affix, From from) {
  if (!affix.is_string()) {
    fail(affix.is_undefined() ? affix.why_undefined()
                              : concat("startswith, endswith: need a string or a tuple of strings, "
                                       "got ",
                                       type_name(affix)));
  }
  return from == From::start ? part.starts_with(affix.as_string())
                             : part.ends_with(affix.as_string());
}

template <From from>
Value has_affix(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "startswith, endswith", {"prefix", "start", "end"}, 1};
  Window const window{self.as_text(), parameters};
  Value const& affix = parameters[0];
  bool const is_tuple = affix.is(Kind::sequence) && affix.as_sequence().is_tuple();
  if (!is_tuple) {
    return Value{touches(window.part, affix, from) && !window.is_empty_place};
  }
  auto const& affixes = affix.as_sequence().items();
  bool const has_one = std::any_of(affixes.begin(), affixes.end(), [&](Value const& one) {
    return touches(window.part, one, from);
  });
  return Value{has_one && !window.is_empty_place};
}

Value three_parts(std::string_view before, std::string_view separator, std::string_view after) {
  return Value::tuple({Value{before}, Value{separator}, Value{after}});
}

template <From from>
Value partition(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "partition", {"sep"}, 1};
  std::string const& separator = parameters.text(0);
  if (separator.empty()) {
    fail("partition: empty separator");
  }
  std::string_view const text = self.as_string();
  std::size_t const at =
      from == From::start ? find_bytes(text, separator) : rfind_bytes(text, separator);
  if (at == std::string_view::npos) {
    return from == From::start ? three_parts(text, "", "") : three_parts("", "", text);
  }
  return three_parts(text.substr(0, at), separator, text.substr(at + separator.size()));
}

template <bool (*predicate)(char32_t) noexcept>
Value all_are(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "str method", {}};
  return Value{all_code_points(self.as_string(), predicate)};
}

template <bool (*predicate)(std::string_view)>
Value text_is(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "str method", {}};
  return Value{predicate(self.as_string())};
}

bool is_alpha_or_numeric(char32_t c) noexcept {
  return is_alpha(c) || is_decimal(c) || is_digit(c) || is_numeric(c);
}

bool is_ascii(std::string_view text) {
  return std::all_of(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_all_printable(std::string_view text) {
  return text.empty() || all_code_points(text, &is_printable);
}

}  // namespace

Method find_string_search_method(std::string_view name) noexcept {
  constexpr Named<Method> table[] = {
      {"count", &count},
      {"endswith", &has_affix<From::end>},
      {"find", &find_text<From::start>},
      {"index", &index_of<From::start>},
      {"partition", &partition<From::start>},
      {"rfind", &find_text<From::end>},
      {"rindex", &index_of<From::end>},
      {"rpartition", &partition<From::end>},
      {"startswith", &has_affix<From::start>},
  };
  return find_named(table, name);
}

Method find_string_class_method(std::string_view name) noexcept {
  constexpr Named<Method> table[] = {
      {"isalnum", &all_are<&is_alpha_or_numeric>},
      {"isalpha", &all_are<&is_alpha>},
      {"isascii", &text_is<&is_ascii>},
      {"isdecimal", &all_are<&is_decimal>},
      {"isdigit", &all_are<&is_digit>},
      {"isidentifier", &text_is<&is_identifier>},
      {"islower", &text_is<&is_lower_case>},
      {"isnumeric", &all_are<&is_numeric>},
      {"isprintable", &text_is<&is_all_printable>},
      {"isspace", &all_are<&is_space>},
      {"istitle", &text_is<&is_title_case>},
      {"isupper", &text_is<&is_upper_case>},
  };
  return find_named(table, name);
}

}  // namespace talus::io::jinja
