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
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/numbers.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/runtime.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja::filters {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// Percent-encodes what is not a letter, a digit or one of -._~ and of `kept`.
std::string quote_url(std::string_view text, std::string_view kept) {
  constexpr char const* hex = "0123456789ABCDEF";
  std::string out;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || std::string_view{"-._~"}.find(c) != npos ||
                          kept.find(c) != npos;
    if (is_plain) {
      out += c;
    } else {
      out += {'%', hex[byte >> 4], hex[byte & 0xF]};
    }
  }
  return out;
}

std::string quote_pair(Value const& key, Value const& value) {
  auto const quote = [](Value const& part) {
    return jinja::replace(quote_url(to_text(part), ""), "%20", "+");
  };
  return quote(key) + '=' + quote(value);
}

// Without what is between `open` and `close`, these included.
std::string remove_between(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  while (true) {
    std::size_t const begin = find_bytes(text, open);
    std::size_t const end = begin == npos ? npos : find_bytes(text, close, begin + 1);
    if (end == npos) {
      return out.append(text);
    }
    out += text.substr(0, begin);
    text.remove_prefix(end + close.size());
  }
}

// The character of an entity, named or numbered, or nothing.
std::string entity_text(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", "\u00a0"}};
  for (auto const& [entity, text] : known) {
    if (entity == name) {
      return std::string{text};
    }
  }
  if (name.size() < 2 || name.size() > 9 || name[0] != '#') {
    return {};
  }
  bool const is_hex = name[1] == 'x' || name[1] == 'X';
  auto const code = parse_integer(name.substr(is_hex ? 2 : 1), is_hex ? 16 : 10);
  bool const is_valid =
      code && *code > 0 && *code <= 0x10FFFF && (*code < 0xD800 || *code >= 0xE000);
  return is_valid ? to_utf8(static_cast<char32_t>(*code)) : std::string{};
}

std::string replace_entities(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t const begin = std::min(text.find('&'), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    std::size_t const end = text.substr(0, 12).find(';');
    std::string const entity = end == npos ? std::string{} : entity_text(text.substr(1, end - 1));
    if (!entity.empty()) {
      out += entity;
      text.remove_prefix(end + 1);
    } else if (!text.empty()) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

// A dict with its keys in order, in the dicts and lists within it too.
Value sort_keys(Value const& value) {
  if (value.is(Kind::sequence) && value.as_sequence().is_list_or_tuple()) {
    std::vector<Value> items;
    for (Value const& item : value.as_sequence().items()) {
      items.push_back(sort_keys(item));
    }
    return std::make_shared<Sequence const>(value.as_sequence().kind(), std::move(items));
  }
  if (!value.is(Kind::dict)) {
    return value;
  }
  auto entries = value.as_dict().entries();
  std::stable_sort(entries.begin(), entries.end(), [](auto const& a, auto const& b) {
    return less(a.first, b.first);
  });
  auto sorted = std::make_shared<Dict>();
  for (auto const& [key, entry] : entries) {
    sorted->set(key, sort_keys(entry));
  }
  return Value{std::shared_ptr<Dict const>{std::move(sorted)}};
}

}  // namespace

Value safe(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "safe", {}};
  return safe_text(to_text(value));
}

Value escape(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "escape", {}};
  bool const is_safe = value.is_string() && value.as_text().is_safe;
  return is_safe ? value : safe_text(escape_html(to_text(value)));
}

Value forceescape(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "forceescape", {}};
  return safe_text(escape_html(to_text(value)));
}

Value striptags(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "striptags", {}};
  std::string const text = remove_between(remove_between(to_text(value), "<!--", "-->"), "<", ">");
  std::string out;
  for (std::string_view const word : split_spaces(text, Side::left)) {
    out += out.empty() ? "" : " ";
    out += word;
  }
  return Value{replace_entities(out)};
}

Value urlencode(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "urlencode", {}};
  if (value.is_string() || !is_iterable(value)) {
    return Value{quote_url(to_text(value), "/")};
  }
  std::string out;
  auto const add = [&](Value const& key, Value const& entry) {
    out += out.empty() ? "" : "&";
    out += quote_pair(key, entry);
  };
  if (value.is(Kind::dict)) {
    for (auto const& [key, entry] : value.as_dict().entries()) {
      add(key, entry);
    }
    return Value{std::move(out)};
  }
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    auto const pair = to_sequence(item);
    if (pair->items().size() != 2) {
      fail("urlencode: needs pairs of a key and a value");
    }
    add(pair->items()[0], pair->items()[1]);
  }
  return Value{std::move(out)};
}

Value xmlattr(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "xmlattr", {"autospace"}};
  if (!value.is(Kind::dict)) {
    fail("xmlattr: needs a dict, got ", type_name(value));
  }
  std::string out;
  for (auto const& [key, entry] : value.as_dict().entries()) {
    if (entry.is_none() || entry.is_undefined()) {
      continue;
    }
    runtime.add_reading(entry);
    std::string const name = to_text(key);
    if (name.find_first_of(" \t\n\r\f\v/>=") != npos) {
      fail("xmlattr: ", to_repr(key), " is no attribute's name");
    }
    out += out.empty() ? "" : " ";
    out += escape_html(name) + "=\"" + escape_html(to_text(entry)) + '"';
  }
  bool const has_space = parameters.is_true(0, true) && !out.empty();
  return Value{(has_space ? " " : "") + out};
}

Value pprint(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "pprint", {}};
  constexpr std::size_t line_length = 80;
  std::string text = to_repr(sort_keys(value));
  if (count_code_points(text) > line_length) {
    fail("pprint: a value of more than ", line_length, " characters (not supported; use tojson)");
  }
  return Value{std::move(text)};
}

}  // namespace talus::io::jinja::filters
