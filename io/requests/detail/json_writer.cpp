// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "io/requests/detail/utf8.hpp"

namespace talus::io::detail {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

bool needs_escape(char c) noexcept {
  return c == '"' || c == '\\' || (static_cast<unsigned char>(c) < 0x20U) || c == '\x7F';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      auto const code = static_cast<unsigned char>(c);
      out += "\\u00";
      out += hex_digits[code >> 4U];
      out += hex_digits[code & 0xFU];
  }
}

// The number in the shortest form, with a point or an exponent so that it reads as no integer.
template <class Number, class... Format>
std::string digits(Number value, Format... format) {
  std::array<char, 64> buffer{};
  char const* const end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...).ptr;
  std::string text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (text.find_first_of(".e") == std::string::npos) {
    text += ".0";
  }
  return text;
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) {
    out_ += ',';
  }
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view value) {
  separate();
  out_ += value;
  return *this;
}

void JsonWriter::append_quoted(std::string_view value) {
  if (!is_utf8(value)) {
    append_quoted(to_utf8(value));
    return;
  }
  out_ += '"';
  while (!value.empty()) {
    auto const* const stop = std::find_if(value.begin(), value.end(), needs_escape);
    auto const plain = static_cast<std::size_t>(stop - value.begin());
    out_ += value.substr(0, plain);
    value.remove_prefix(plain);
    if (!value.empty()) {
      append_escaped(out_, value.front());
      value.remove_prefix(1);
    }
  }
  out_ += '"';
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_quoted(name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  append_quoted(value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  return raw(std::to_string(value));
}

JsonWriter& JsonWriter::number(float value) {
  return std::isfinite(value) ? raw(digits(value)) : null();
}

JsonWriter& JsonWriter::seconds(double value) {
  constexpr int microseconds = 6;
  return std::isfinite(value) ? raw(digits(value, std::chars_format::fixed, microseconds)) : null();
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

}  // namespace talus::io::detail
