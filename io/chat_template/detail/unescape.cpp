// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/lexer.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

int hex_value(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t const at = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// The character of \xNN, \uNNNN or \UNNNNNNNN, whose digits start at `at`.
char32_t read_hex(std::string_view text, std::size_t at, std::size_t digits) {
  char32_t code_point = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    int const digit = i < text.size() ? hex_value(text[i]) : -1;
    if (digit < 0) {
      fail("string: \\", text[at - 1], " needs ", digits, " hexadecimal digits");
    }
    code_point = code_point * 16 + static_cast<char32_t>(digit);
  }
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) {
    fail("string: \\", text.substr(at - 1, digits + 1), " is not a character");
  }
  return code_point;
}

// Up to three octal digits, which start at `at`; moves behind them.
char32_t read_octal(std::string_view text, std::size_t& at) {
  char32_t code_point = 0;
  std::size_t const end = std::min(at + 3, text.size());
  for (; at < end && text[at] >= '0' && text[at] <= '7'; ++at) {
    code_point = code_point * 8 + static_cast<char32_t>(text[at] - '0');
  }
  return code_point;
}

// The character of an escape of one letter, or -1.
int simple_escape(char c) {
  constexpr std::string_view letters = "\\'\"abfnrtv";
  constexpr std::string_view characters = "\\'\"\a\b\f\n\r\t\v";
  std::size_t const at = letters.find(c);
  return at == std::string_view::npos ? -1 : characters[at];
}

// Appends the escape whose letter is at `at`, and gives where it ends.
std::size_t append_escaped(std::string& out, std::string_view text, std::size_t at) {
  char const c = text[at];
  if (int const simple = simple_escape(c); simple >= 0) {
    out += static_cast<char>(simple);
    return at + 1;
  }
  if (c == 'x' || c == 'u' || c == 'U') {
    std::size_t const digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    append_code_point(out, read_hex(text, at + 1, digits));
    return at + 1 + digits;
  }
  if (c >= '0' && c <= '7') {
    append_code_point(out, read_octal(text, at));
    return at;
  }
  if (c == 'N') {
    fail("string: \\N{...} is not supported");
  }
  if (c != '\n') {  // a newline that is escaped is left out
    out += '\\';
    out += c;
  }
  return at + 1;
}

}  // namespace

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      out += text[at++];
    } else {
      at = append_escaped(out, text, at + 1);
    }
  }
  return out;
}

}  // namespace talus::io::jinja
