// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/unicode.hpp"

#include <algorithm>
#include <span>

#include <utf8proc.h>

#include "io/chat_template/detail/unicode_tables.hpp"

namespace talus::io::jinja {
namespace {

utf8proc_category_t category(char32_t code_point) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

bool is_in(std::span<CodePointRange const> table, char32_t code_point) noexcept {
  auto const after = std::upper_bound(
      table.begin(), table.end(), code_point, [](char32_t c, CodePointRange const& range) {
        return c < range.first;
      });
  return after != table.begin() && code_point <= std::prev(after)->last;
}

bool is_continuation(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  auto const* at = reinterpret_cast<utf8proc_uint8_t const*>(bytes.data());
  auto left = static_cast<utf8proc_ssize_t>(bytes.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    utf8proc_ssize_t const used = utf8proc_iterate(at, left, &code_point);
    if (used <= 0) {
      return false;
    }
    at += used;
    left -= used;
  }
  return true;
}

std::size_t count_code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

std::size_t offset_of(std::string_view text, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!is_continuation(text[at]) && count-- == 0) {
      break;
    }
  }
  return at;
}

char32_t take_code_point(std::string_view& text) noexcept {
  auto const lead = static_cast<unsigned char>(text.front());
  std::size_t const size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code_point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size && i < text.size(); ++i) {
    code_point = (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  text.remove_prefix(std::min(size, text.size()));
  return code_point;
}

char32_t last_code_point(std::string_view text) noexcept {
  std::size_t at = text.size() - 1;
  while (at > 0 && is_continuation(text[at])) {
    --at;
  }
  text.remove_prefix(at);
  return take_code_point(text);
}

void append_code_point(std::string& text, char32_t code_point) {
  utf8proc_uint8_t bytes[4];
  auto const size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  text.append(reinterpret_cast<char const*>(bytes), static_cast<std::size_t>(size));
}

std::string to_utf8(char32_t code_point) {
  std::string text;
  append_code_point(text, code_point);
  return text;
}

bool is_space(char32_t code_point) noexcept {
  return (code_point >= 0x09 && code_point <= 0x0D) || (code_point >= 0x1C && code_point <= 0x20) ||
         code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029 ||
         (code_point > 0x7F && category(code_point) == UTF8PROC_CATEGORY_ZS);
}

bool is_alpha(char32_t code_point) noexcept {
  auto const kind = category(code_point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t code_point) noexcept {
  return category(code_point) == UTF8PROC_CATEGORY_ND;
}

bool is_digit(char32_t code_point) noexcept {
  return is_decimal(code_point) || is_in(other_digits(), code_point);
}

bool is_numeric(char32_t code_point) noexcept {
  auto const kind = category(code_point);
  return (kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO) ||
         is_in(numeric_letters(), code_point);
}

bool is_lower(char32_t code_point) noexcept {
  return category(code_point) == UTF8PROC_CATEGORY_LL || is_in(other_lowercase(), code_point);
}

bool is_upper(char32_t code_point) noexcept {
  return category(code_point) == UTF8PROC_CATEGORY_LU || is_in(other_uppercase(), code_point);
}

bool is_title(char32_t code_point) noexcept {
  return category(code_point) == UTF8PROC_CATEGORY_LT;
}

bool is_printable(char32_t code_point) noexcept {
  if (code_point < 0x7F) {
    return code_point >= 0x20;
  }
  auto const kind = category(code_point);
  return kind != UTF8PROC_CATEGORY_CN && kind < UTF8PROC_CATEGORY_ZS;
}

bool is_identifier_start(char32_t code_point) noexcept {
  return code_point == '_' || is_alpha(code_point) || category(code_point) == UTF8PROC_CATEGORY_NL;
}

bool is_identifier_part(char32_t code_point) noexcept {
  auto const kind = category(code_point);
  return is_identifier_start(code_point) || kind == UTF8PROC_CATEGORY_MN ||
         kind == UTF8PROC_CATEGORY_MC || kind == UTF8PROC_CATEGORY_ND ||
         kind == UTF8PROC_CATEGORY_PC;
}

int decimal_value(char32_t code_point) noexcept {
  if (code_point < 0x80) {
    return static_cast<int>(code_point) - '0';
  }
  // The digits of a script are ten in a row; the mathematical ones are five such rows in a row.
  if (code_point >= 0x1D7CE && code_point <= 0x1D7FF) {
    return static_cast<int>((code_point - 0x1D7CE) % 10);
  }
  int value = 0;
  while (value < 9 && is_decimal(code_point - static_cast<char32_t>(value) - 1)) {
    ++value;
  }
  return value;
}

}  // namespace talus::io::jinja
