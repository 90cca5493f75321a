// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/lexer.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_digit_of(char c, int base) {
  int const digit = is_ascii_digit(c)      ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
  return digit < base;
}

// Digits, single underscores between them allowed, from `at`; where they end.
std::size_t digits_end(std::string_view text, std::size_t at, int base = 10) {
  std::size_t end = at;
  while (end < text.size()) {
    std::size_t const digit = text[end] == '_' && end > at ? end + 1 : end;
    if (digit >= text.size() || !is_digit_of(text[digit], base)) {
      break;
    }
    end = digit + 1;
  }
  return end;
}

// Where a float at the start of the text ends, or 0.
std::size_t float_end(std::string_view text) {
  std::size_t const whole = digits_end(text, 0);
  std::size_t end = whole;
  if (end < text.size() && text[end] == '.') {
    std::size_t const fraction = digits_end(text, end + 1);
    end = fraction > end + 1 ? fraction : end;
  }
  std::size_t exponent = end;
  if (exponent < text.size() && (text[exponent] == 'e' || text[exponent] == 'E')) {
    ++exponent;
    exponent +=
        exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-') ? 1U : 0U;
    std::size_t const exponent_end = digits_end(text, exponent);
    end = exponent_end > exponent ? exponent_end : end;
  }
  return end > whole ? end : 0;
}

int base_of(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') {
    return 10;
  }
  switch (text[1]) {
    case 'x':
    case 'X':
      return 16;
    case 'o':
    case 'O':
      return 8;
    case 'b':
    case 'B':
      return 2;
    default:
      return 10;
  }
}

// Where an integer ends. Zeros don't lead, they are a number of their own.
std::size_t integer_end(std::string_view text, int base) {
  if (base != 10) {
    std::size_t const end = digits_end(text, text.size() > 2 && text[2] == '_' ? 3 : 2, base);
    return end > 2 ? end : 1;
  }
  if (text.front() != '0') {
    return digits_end(text, 0);
  }
  std::size_t end = 1;
  while (end < text.size() && text[end] == '0') {
    ++end;
  }
  return end;
}

}  // namespace

void Lexer::lex_tag(TokenKind begin, TokenKind end) {
  add(begin);
  while (true) {
    advance(skip_spaces(at_) - at_);
    if (at_ >= source_.size()) {
      return;  // the parser says what is missing
    }
    if (brackets_.empty() && lex_tag_end(end)) {
      return;
    }
    lex_item();
  }
}

bool Lexer::lex_tag_end(TokenKind end) {
  bool const is_print = end == TokenKind::print_end;
  std::string_view const close = is_print ? "}}" : "%}";
  if (starts_with(close)) {
    add(end);
    bool const trims = !is_print && rest().size() > 2 && rest()[2] == '\n';
    advance(trims ? 3 : 2);
    return true;
  }
  if (rest().front() == '-' && rest().substr(1).starts_with(close)) {
    add(end);
    advance(skip_spaces(at_ + 3) - at_);
    return true;
  }
  if (!is_print && rest().front() == '+' && rest().substr(1).starts_with(close)) {
    add(end);
    advance(3);
    return true;
  }
  return false;
}

void Lexer::lex_item() {
  char const c = rest().front();
  std::string_view peek = rest();
  if (is_ascii_digit(c)) {
    lex_number();
  } else if (c == '\'' || c == '"') {
    lex_string();
  } else if (is_identifier_start(take_code_point(peek))) {
    lex_name();
  } else {
    lex_symbol();
  }
}

void Lexer::lex_number() {
  bool const follows_dot = at_ > 0 && source_[at_ - 1] == '.';
  std::size_t const fractional = follows_dot ? 0 : float_end(rest());
  int const base = base_of(rest());
  std::size_t const size = fractional > 0 ? fractional : integer_end(rest(), base);
  std::string digits{rest().substr(0, size)};
  std::erase(digits, '_');

  Value value;
  std::from_chars_result result{};
  char const* const end = digits.data() + digits.size();
  if (fractional > 0) {
    double number = 0;
    result = std::from_chars(digits.data(), end, number);
    value = Value{number};
  } else {
    std::int64_t number = 0;
    result = std::from_chars(digits.data() + (base != 10 && size > 2 ? 2 : 0), end, number, base);
    value = Value{number};
  }
  if (result.ec != std::errc{}) {
    error(concat("number: ", digits, " (does not fit 64 bits)"));
  }
  add(TokenKind::constant, {}, std::move(value));
  advance(size);
}

void Lexer::lex_name() {
  std::string_view tail = rest();
  std::size_t size = 0;
  while (!tail.empty() && is_identifier_part(take_code_point(tail))) {
    size = rest().size() - tail.size();
  }
  add(TokenKind::name, std::string{rest().substr(0, size)});
  advance(size);
}

void Lexer::lex_string() {
  std::string_view const text = rest();
  std::size_t end = 1;
  while (end < text.size() && text[end] != text.front()) {
    end += text[end] == '\\' ? 2U : 1U;
  }
  if (end >= text.size()) {
    error("a string is not closed");
  }
  try {
    add(TokenKind::constant, {}, Value{unescape(text.substr(1, end - 1))});
  } catch (Failure const& failure) {
    error(failure.what());
  }
  advance(end + 1);
}

void Lexer::lex_symbol() {
  constexpr std::string_view symbols[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                          "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                          ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
  auto const found = std::find_if(
      std::begin(symbols), std::end(symbols), [&](auto symbol) { return starts_with(symbol); });
  if (found == std::end(symbols)) {
    std::string_view peek = rest();
    error(concat("unexpected character ", to_repr(to_utf8(take_code_point(peek)))));
  }
  balance(found->front());
  add(TokenKind::symbol, std::string{*found});
  advance(found->size());
}

void Lexer::balance(char bracket) {
  switch (bracket) {
    case '(':
      brackets_.push_back(')');
      break;
    case '[':
      brackets_.push_back(']');
      break;
    case '{':
      brackets_.push_back('}');
      break;
    case ')':
    case ']':
    case '}':
      if (brackets_.empty()) {
        error(concat("unexpected '", bracket, "'"));
      }
      if (brackets_.back() != bracket) {
        error(concat("unexpected '", bracket, "' (expected '", brackets_.back(), "')"));
      }
      brackets_.pop_back();
      break;
    default:
      break;
  }
}

}  // namespace talus::io::jinja
