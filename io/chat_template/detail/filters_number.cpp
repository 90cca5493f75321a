// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/numbers.hpp"
#include "io/chat_template/detail/operators.hpp"

namespace talus::io::jinja::filters {
namespace {

constexpr std::int64_t max_rounded_digits = 400;

double require_number(Value const& value, std::string_view filter) {
  if (value.is_integral()) {
    return static_cast<double>(value.as_integer());
  }
  if (!value.is(Kind::floating)) {
    fail(value.is_undefined() ? value.why_undefined()
                              : concat(filter, ": needs a number, got ", type_name(value)));
  }
  return value.as_floating();
}

// To the nearest, a tie to the even one, as exact arithmetic on the number would do it.
double round_digits(double number, std::int64_t digits) {
  if (!std::isfinite(number) || digits > max_rounded_digits) {
    return number;
  }
  if (digits < 0) {
    double const unit = std::pow(10.0, static_cast<double>(-digits));
    return std::isinf(unit) ? std::copysign(0.0, number) : std::nearbyint(number / unit) * unit;
  }
  std::array<char, 800> buffer{};
  auto const text = std::to_chars(buffer.data(),
                                  buffer.data() + buffer.size(),
                                  number,
                                  std::chars_format::fixed,
                                  static_cast<int>(digits));
  double rounded = 0;
  std::from_chars(buffer.data(), text.ptr, rounded);
  return rounded;
}

std::int64_t round_integer(std::int64_t number, std::int64_t digits) {
  if (digits >= 0) {
    return number;
  }
  constexpr std::int64_t max_digits = 18;
  if (digits < -max_digits) {
    return 0;
  }
  std::int64_t unit = 1;
  for (std::int64_t i = 0; i < -digits; ++i) {
    unit *= 10;
  }
  std::int64_t const below = number % unit < 0 ? number % unit + unit : number % unit;
  std::int64_t const base = number - below;
  bool const is_odd = (base / unit) % 2 != 0;
  bool const goes_up = below > unit - below || (below == unit - below && is_odd);
  return goes_up ? base + unit : base;
}

Value to_int(double number) {
  if (!(std::fabs(number) < 9.2e18)) {
    fail("int: the number does not fit 64 bits");
  }
  return Value{static_cast<std::int64_t>(number)};
}

}  // namespace

Value abs(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "abs", {}};
  if (value.is_integral()) {
    return value.as_integer() < 0 ? negate(value) : plus(value);
  }
  return Value{std::fabs(require_number(value, "abs"))};
}

Value round(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "round", {"precision", "method"}};
  std::int64_t const digits = parameters.integer(0, 0);
  std::string const method = parameters.text(1, "common");
  double const number = require_number(value, "round");
  if (method == "common") {
    return value.is_integral() ? Value{round_integer(value.as_integer(), digits)}
                               : Value{round_digits(number, digits)};
  }
  if (method != "ceil" && method != "floor") {
    fail("round: method = ", method, " (common, ceil and floor are allowed)");
  }
  double const unit = std::pow(10.0, static_cast<double>(digits));
  return Value{(method == "ceil" ? std::ceil(number * unit) : std::floor(number * unit)) / unit};
}

Value integer(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "int", {"default", "base"}};
  Value const otherwise = parameters.has(0) ? parameters[0] : Value{0};
  if (value.is_integral()) {
    return plus(value);
  }
  if (value.is(Kind::floating)) {
    return std::isfinite(value.as_floating()) ? to_int(value.as_floating()) : otherwise;
  }
  if (value.is_undefined()) {
    fail(value.why_undefined());
  }
  if (!value.is_string()) {
    return otherwise;
  }
  constexpr std::int64_t decimal = 10;
  if (auto const number = parse_integer(value.as_string(), parameters.integer(1, decimal))) {
    return Value{*number};
  }
  auto const number = parse_float(value.as_string());
  return number && std::isfinite(*number) ? to_int(*number) : otherwise;
}

Value floating(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "float", {"default"}};
  Value const otherwise = parameters.has(0) ? parameters[0] : Value{0.0};
  if (value.is_undefined()) {
    fail(value.why_undefined());
  }
  if (value.is_integral()) {
    return Value{static_cast<double>(value.as_integer())};
  }
  if (value.is_string()) {
    auto const number = parse_float(value.as_string());
    return number ? Value{*number} : otherwise;
  }
  return value.is(Kind::floating) ? value : otherwise;
}

Value filesizeformat(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "filesizeformat", {"binary"}};
  bool const is_binary = parameters.is_true(0);
  double const base = is_binary ? 1024 : 1000;
  auto const parsed = value.is_string() ? parse_float(value.as_string())
                                        : std::optional{require_number(value, "filesizeformat")};
  if (!parsed || !std::isfinite(*parsed)) {
    fail("filesizeformat: needs a number");
  }
  double const bytes = *parsed;
  if (bytes == 1) {
    return Value{"1 Byte"};
  }
  if (bytes < base) {
    return Value{concat(to_int(bytes).as_integer(), " Bytes")};
  }
  constexpr std::string_view letters = "kMGTPEZY";
  std::size_t i = 0;
  double unit = base * base;
  while (i + 1 < letters.size() && bytes >= unit) {
    unit *= base;
    ++i;
  }
  Layout layout;
  layout.type = 'f';
  layout.precision = 1;
  char const letter = is_binary && i == 0 ? 'K' : letters[i];
  return Value{
      concat(format_float(base * bytes / unit, layout), ' ', letter, is_binary ? "iB" : "B")};
}

}  // namespace talus::io::jinja::filters
