// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/print.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

// Beyond these powers of ten Python writes an exponent.
constexpr int min_plain_exponent = -4;
constexpr int max_plain_exponent = 16;

void append_repr(std::string& out, Value const& value);

void append_hex(std::string& out, char32_t code_point, int digits) {
  constexpr char const* hex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out += hex[(code_point >> shift) & 0xFU];
  }
}

void append_quoted_character(std::string& out, char32_t c, char quote) {
  switch (c) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (c == static_cast<char32_t>(quote) || c == '\\') {
        out += '\\';
      }
      if (is_printable(c)) {
        append_code_point(out, c);
      } else {
        append_escape(out, c);
      }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  bool const has_single = text.find('\'') != std::string_view::npos;
  bool const has_double = text.find('"') != std::string_view::npos;
  char const quote = has_single && !has_double ? '"' : '\'';
  out += quote;
  while (!text.empty()) {
    append_quoted_character(out, take_code_point(text), quote);
  }
  out += quote;
}

void append_items(std::string& out, std::vector<Value> const& items) {
  char const* separator = "";
  for (Value const& item : items) {
    out += separator;
    append_repr(out, item);
    separator = ", ";
  }
}

// A range, by its ends and step. The end is the nearest that gives these items.
void append_range(std::string& out, std::vector<Value> const& items) {
  if (items.empty()) {
    out += "range(0, 0)";
    return;
  }
  std::int64_t const first = items.front().as_integer();
  std::int64_t const step = items.size() > 1 ? items[1].as_integer() - first : 1;
  out += concat("range(", first, ", ", items.back().as_integer() + step);
  out += step == 1 ? ")" : concat(", ", step, ')');
}

// What is before and after the items.
std::pair<std::string_view, std::string_view> brackets_of(Sequence const& sequence) {
  switch (sequence.kind()) {
    case SequenceKind::list:
      return {"[", "]"};
    case SequenceKind::keys:
      return {"dict_keys([", "])"};
    case SequenceKind::values:
      return {"dict_values([", "])"};
    case SequenceKind::items:
      return {"dict_items([", "])"};
    default:
      return {"(", sequence.items().size() == 1 ? ",)" : ")"};
  }
}

void append_sequence(std::string& out, Sequence const& sequence) {
  if (sequence.kind() == SequenceKind::range) {
    append_range(out, sequence.items());
  } else if (sequence.kind() == SequenceKind::iterator) {
    out += "<iterator>";
  } else {
    auto const [open, close] = brackets_of(sequence);
    out += open;
    append_items(out, sequence.items());
    out += close;
  }
}

void append_dict(std::string& out, Dict const& dict) {
  char const* separator = "{";
  for (auto const& [key, value] : dict.entries()) {
    out += separator;
    append_repr(out, key);
    out += ": ";
    append_repr(out, value);
    separator = ", ";
  }
  out += dict.entries().empty() ? "{}" : "}";
}

void append_repr(std::string& out, Value const& value) {
  if (out.size() > max_value_bytes) {
    fail("printing more than ", max_value_bytes, " bytes");
  }
  switch (value.kind()) {
    case Kind::undefined:
      out += "Undefined";
      break;
    case Kind::string:
      append_quoted(out, value.as_string());
      break;
    case Kind::sequence:
      append_sequence(out, value.as_sequence());
      break;
    case Kind::dict:
      append_dict(out, value.as_dict());
      break;
    default:
      out += to_text(value);
  }
}

}  // namespace

std::string print_float(double number) {
  if (std::isnan(number)) {
    return "nan";
  }
  if (std::isinf(number)) {
    return number > 0 ? "inf" : "-inf";
  }
  std::array<char, 400> buffer{};
  char* const end = buffer.data() + buffer.size();
  auto const scientific = std::to_chars(buffer.data(), end, number, std::chars_format::scientific);
  std::string const text{buffer.data(), scientific.ptr};
  int const exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < min_plain_exponent || exponent >= max_plain_exponent) {
    return text;
  }
  auto const fixed = std::to_chars(buffer.data(), end, number, std::chars_format::fixed);
  std::string plain{buffer.data(), fixed.ptr};
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

void append_escape(std::string& out, char32_t code_point) {
  if (code_point < 0x100) {
    out += "\\x";
    append_hex(out, code_point, 2);
  } else if (code_point < 0x10000) {
    out += "\\u";
    append_hex(out, code_point, 4);
  } else {
    out += "\\U";
    append_hex(out, code_point, 8);
  }
}

std::string to_text(Value const& value) {
  switch (value.kind()) {
    case Kind::none:
      return "None";
    case Kind::undefined:
      return "";
    case Kind::boolean:
      return value.as_boolean() ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.as_integer());
    case Kind::floating:
      return print_float(value.as_floating());
    case Kind::string:
      return value.as_string();
    case Kind::object:
      return value.as_object()->repr();
    default:
      return to_repr(value);
  }
}

std::string to_repr(Value const& value) {
  std::string out;
  append_repr(out, value);
  return out;
}

std::string to_ascii(Value const& value) {
  std::string out;
  std::string const repr = to_repr(value);
  for (std::string_view rest = repr; !rest.empty();) {
    char32_t const c = take_code_point(rest);
    if (c < 0x80) {
      append_code_point(out, c);
    } else {
      append_escape(out, c);
    }
  }
  return out;
}

}  // namespace talus::io::jinja
