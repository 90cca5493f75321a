// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/numbers.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

constexpr char const* ascii_digits = "0123456789";

// Without white space around, digits of all scripts as ASCII; nothing if an underscore is not
// between digits.
std::optional<std::string> simplify(std::string_view text) {
  std::string out;
  text = strip(text);
  bool follows_digit = false;
  while (!text.empty()) {
    char32_t const c = take_code_point(text);
    if (c == '_') {
      if (!follows_digit || text.empty()) {
        return std::nullopt;
      }
      follows_digit = false;
      continue;
    }
    if (is_decimal(c)) {
      out += ascii_digits[decimal_value(c)];
    } else {
      append_code_point(out, c);
    }
    follows_digit = is_decimal(c) || is_alpha(c);
  }
  return out;
}

bool take_sign(std::string_view& text) {
  bool const is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  return is_negative;
}

int base_of_prefix(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') {
    return 0;
  }
  char const letter = static_cast<char>(text[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) {
    fail("int: base = ", base, " (0, or 2 to 36)");
  }
  auto const simple = simplify(text);
  if (!simple) {
    return std::nullopt;
  }
  std::string_view digits = *simple;
  bool const is_negative = take_sign(digits);
  int const prefix_base = base_of_prefix(digits);
  if (prefix_base != 0 && (base == 0 || base == prefix_base)) {
    digits.remove_prefix(2);
    base = prefix_base;
  }
  base = base == 0 ? 10 : base;
  std::uint64_t magnitude = 0;
  auto const [end, error] = std::from_chars(
      digits.data(), digits.data() + digits.size(), magnitude, static_cast<int>(base));
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range ||
      magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail("int: ", digits, " does not fit 64 bits");
  }
  auto const number = static_cast<std::int64_t>(magnitude);
  return is_negative ? -number : number;
}

std::optional<double> parse_float(std::string_view text) {
  auto const simple = simplify(text);
  if (!simple) {
    return std::nullopt;
  }
  std::string_view digits = *simple;
  bool const is_negative = take_sign(digits);
  // from_chars() would take a second sign, and hexadecimal is not asked for.
  if (digits.empty() || digits.front() == '-') {
    return std::nullopt;
  }
  double number = 0;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::invalid_argument || end != digits.data() + digits.size() ||
      digits.find('(') != std::string_view::npos) {
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range) {
    bool const is_tiny =
        digits.find("e-") != std::string_view::npos || digits.find("E-") != std::string_view::npos;
    number = is_tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return is_negative ? -number : number;
}

}  // namespace talus::io::jinja
