// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

constexpr int max_precision = 1000;
constexpr int default_precision = 6;
constexpr std::size_t max_whole_digits = 320;  // of a double

bool is_capital(char type) {
  return type >= 'A' && type <= 'Z';
}

std::string to_capitals(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return text;
}

std::string sign_of(bool is_negative, char sign) {
  if (is_negative) {
    return "-";
  }
  return sign == '-' ? "" : std::string(1, sign);
}

// Puts the separator between each `size` of the digits that lead.
std::string group(std::string const& digits, char separator, std::size_t size) {
  if (separator == '\0') {
    return digits;
  }
  std::size_t const whole = std::min(digits.find_first_of(".e%"), digits.size());
  std::string out;
  for (std::size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % size == 0) {
      out += separator;
    }
    out += digits[i];
  }
  return out + digits.substr(whole);
}

std::string magnitude_text(double magnitude, char type, int precision) {
  std::vector<char> buffer(max_whole_digits + static_cast<std::size_t>(max_precision) + 16);
  auto const form = type == 'e'   ? std::chars_format::scientific
                    : type == 'g' ? std::chars_format::general
                                  : std::chars_format::fixed;
  auto const result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, form, precision);
  return {buffer.data(), result.ptr};
}

std::string float_digits(double magnitude, Layout const& layout, char type) {
  if (std::isnan(magnitude)) {
    return "nan";
  }
  if (std::isinf(magnitude)) {
    return "inf";
  }
  if (type == '\0' && layout.precision < 0) {
    return print_float(magnitude);
  }
  int precision = layout.precision < 0 ? default_precision : layout.precision;
  if (precision > max_precision) {
    fail("format: precision of ", precision, " digits (at most ", max_precision, " are allowed)");
  }
  if (type == 'g' || type == '\0') {
    precision = std::max(precision, 1);
    std::string text = magnitude_text(magnitude, 'g', precision);
    bool const is_whole = text.find_first_of(".e") == std::string::npos;
    return type == '\0' && is_whole ? text + ".0" : text;
  }
  return type == '%' ? magnitude_text(magnitude * 100, 'f', precision) + '%'
                     : magnitude_text(magnitude, type, precision);
}

}  // namespace

std::string format_integer(std::int64_t number, Layout const& layout) {
  char const type = static_cast<char>(layout.type | 0x20);
  int const base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' ? 16 : 10;
  std::array<char, 72> buffer{};
  std::uint64_t const magnitude =
      number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  auto const result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base);
  std::string digits{buffer.data(), result.ptr};
  if (static_cast<int>(digits.size()) < layout.precision) {
    if (layout.precision > max_precision) {
      fail("format: precision of ", layout.precision, " digits");
    }
    digits.insert(0, static_cast<std::size_t>(layout.precision) - digits.size(), '0');
  }
  digits = group(digits, layout.grouping, base == 10 ? 3 : 4);
  if (layout.is_alternate && base != 10) {
    digits = std::string{'0', type} + digits;
  }
  return sign_of(number < 0, layout.sign) + (layout.type == 'X' ? to_capitals(digits) : digits);
}

std::string format_float(double number, Layout const& layout) {
  bool const has_type = layout.type != '\0' && layout.type != '%';
  char const type = has_type ? static_cast<char>(layout.type | 0x20) : layout.type;
  std::string digits = float_digits(std::fabs(number), layout, type);
  digits = group(digits, layout.grouping, 3);
  if (is_capital(layout.type)) {
    digits = to_capitals(digits);
  }
  return sign_of(std::signbit(number) && !std::isnan(number), layout.sign) + digits;
}

std::string pad(std::string const& text, Layout const& layout, char default_align) {
  std::size_t const length = count_code_points(text);
  if (length >= layout.width) {
    return text;
  }
  std::size_t const missing = layout.width - length;
  char const align = layout.align == '\0' ? default_align : layout.align;
  std::string const fill = to_utf8(layout.fill);
  if (align == '=') {
    std::size_t lead =
        !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
    lead += layout.is_alternate && text.size() > lead + 1 && text[lead] == '0' ? 2U : 0U;
    return text.substr(0, lead) + repeat(fill, missing) + text.substr(lead);
  }
  std::size_t const left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  return repeat(fill, left) + text + repeat(fill, missing - left);
}

}  // namespace talus::io::jinja
