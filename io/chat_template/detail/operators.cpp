// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/operators.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"

namespace talus::io::jinja {
namespace {

bool is_number(Value const& value) {
  return value.is_integral() || value.is(Kind::floating);
}

double to_double(Value const& value) {
  return value.is_integral() ? static_cast<double>(value.as_integer()) : value.as_floating();
}

[[noreturn]] void fail_overflow(std::string_view symbol) {
  fail("operator ", symbol, ": the result does not fit 64 bits");
}

[[noreturn]] void fail_zero() {
  fail("division by zero");
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0) {
    fail_zero();
  }
  if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) {
    fail_overflow("//");
  }
  std::int64_t const quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// The remainder has the sign of the divisor.
std::int64_t modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) {
    fail_zero();
  }
  if (b == -1) {
    return 0;
  }
  std::int64_t const remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

double modulo(double a, double b) {
  if (b == 0.0) {
    fail_zero();
  }
  double const remainder = std::fmod(a, b);
  if (remainder == 0.0) {
    return std::copysign(0.0, b);
  }
  return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

double floor_divide(double a, double b) {
  double const quotient = (a - modulo(a, b)) / b;
  double const whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

Value integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) {
      fail_zero();
    }
    return Value{std::pow(static_cast<double>(base), static_cast<double>(exponent))};
  }
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) {
      fail_overflow("**");
    }
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) {
      fail_overflow("**");
    }
  }
  return Value{result};
}

Value apply_to_integers(std::string_view symbol, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (symbol == "/") {
    if (b == 0) {
      fail_zero();
    }
    return Value{static_cast<double>(a) / static_cast<double>(b)};
  }
  if (symbol == "//") {
    return Value{floor_divide(a, b)};
  }
  if (symbol == "%") {
    return Value{modulo(a, b)};
  }
  if (symbol == "**") {
    return integer_power(a, b);
  }
  bool const overflows = symbol == "+"   ? __builtin_add_overflow(a, b, &result)
                         : symbol == "-" ? __builtin_sub_overflow(a, b, &result)
                                         : __builtin_mul_overflow(a, b, &result);
  if (overflows) {
    fail_overflow(symbol);
  }
  return Value{result};
}

double float_power(double a, double b) {
  if (a == 0.0 && b < 0) {
    fail_zero();
  }
  double const result = std::pow(a, b);
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    fail("operator **: ", print_float(a), " ** ", print_float(b), " is no real number");
  }
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) {
    fail("operator **: the result is too large");
  }
  return result;
}

Value apply_to_floats(std::string_view symbol, double a, double b) {
  if (symbol == "+") {
    return Value{a + b};
  }
  if (symbol == "-") {
    return Value{a - b};
  }
  if (symbol == "*") {
    return Value{a * b};
  }
  if (symbol == "/") {
    if (b == 0.0) {
      fail_zero();
    }
    return Value{a / b};
  }
  if (symbol == "//") {
    return Value{floor_divide(a, b)};
  }
  return Value{symbol == "%" ? modulo(a, b) : float_power(a, b)};
}

[[noreturn]] void fail_types(std::string_view symbol, Value const& a, Value const& b) {
  for (Value const& value : {a, b}) {
    if (value.is_undefined()) {
      fail(value.why_undefined());
    }
  }
  fail("operator ", symbol, " is not defined for ", type_name(a), " and ", type_name(b));
}

bool is_list_or_tuple(Value const& value) {
  return value.is(Kind::sequence) && value.as_sequence().is_list_or_tuple();
}

Value add_texts(Text const& a, Text const& b) {
  if (!a.is_safe && !b.is_safe) {
    return Value{a.bytes + b.bytes};
  }
  // What is added to escaped text is escaped as well.
  return safe_text((a.is_safe ? a.bytes : escape_html(a.bytes)) +
                   (b.is_safe ? b.bytes : escape_html(b.bytes)));
}

Value add(Value const& a, Value const& b) {
  if (a.is_string() && b.is_string()) {
    return add_texts(a.as_text(), b.as_text());
  }
  if (is_list_or_tuple(a) && is_list_or_tuple(b) &&
      a.as_sequence().is_tuple() == b.as_sequence().is_tuple()) {
    std::vector<Value> items = a.as_sequence().items();
    auto const& more = b.as_sequence().items();
    items.insert(items.end(), more.begin(), more.end());
    return a.as_sequence().is_tuple() ? Value::tuple(std::move(items))
                                      : Value::list(std::move(items));
  }
  fail_types("+", a, b);
}

Value repeat_sequence(Sequence const& sequence, std::size_t count) {
  if (count > 0 && sequence.weight() > max_value_bytes / count) {
    fail("operator *: the result is larger than ", max_value_bytes, " bytes");
  }
  std::vector<Value> items;
  items.reserve(count * sequence.items().size());
  for (std::size_t i = 0; i < count; ++i) {
    items.insert(items.end(), sequence.items().begin(), sequence.items().end());
  }
  return sequence.is_tuple() ? Value::tuple(std::move(items)) : Value::list(std::move(items));
}

Value multiply(Value const& a, Value const& b) {
  Value const& repeated = a.is_integral() ? b : a;
  Value const& count = a.is_integral() ? a : b;
  if (!count.is_integral()) {
    fail_types("*", a, b);
  }
  auto const times = static_cast<std::size_t>(std::max<std::int64_t>(count.as_integer(), 0));
  if (repeated.is_string()) {
    return Value{repeat(repeated.as_string(), times)};
  }
  if (is_list_or_tuple(repeated)) {
    return repeat_sequence(repeated.as_sequence(), times);
  }
  fail_types("*", a, b);
}

}  // namespace

Value apply_operator(std::string_view symbol, Value const& a, Value const& b) {
  if (a.is_integral() && b.is_integral()) {
    return apply_to_integers(symbol, a.as_integer(), b.as_integer());
  }
  if (is_number(a) && is_number(b)) {
    return apply_to_floats(symbol, to_double(a), to_double(b));
  }
  if (symbol == "+") {
    return add(a, b);
  }
  if (symbol == "*") {
    return multiply(a, b);
  }
  if (symbol == "%" && a.is_string()) {
    return Value{format_percent(a.as_string(), b)};
  }
  fail_types(symbol, a, b);
}

Value negate(Value const& a) {
  if (a.is_integral()) {
    return apply_to_integers("-", 0, a.as_integer());
  }
  if (!a.is(Kind::floating)) {
    fail(a.is_undefined() ? a.why_undefined() : concat("operator - of a ", type_name(a)));
  }
  return Value{-a.as_floating()};
}

Value plus(Value const& a) {
  if (a.is_integral()) {
    return Value{a.as_integer()};
  }
  if (!a.is(Kind::floating)) {
    fail(a.is_undefined() ? a.why_undefined() : concat("operator + of a ", type_name(a)));
  }
  return a;
}

}  // namespace talus::io::jinja
