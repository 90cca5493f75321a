// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/lexer.hpp"

#include <algorithm>
#include <utility>

#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// Newlines of all systems become \n, and one at the end goes.
std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    bool const is_return = source[i] == '\r';
    if (is_return && i + 1 < source.size() && source[i + 1] == '\n') {
      continue;
    }
    out += is_return ? '\n' : source[i];
  }
  if (out.ends_with('\n')) {
    out.pop_back();
  }
  return out;
}

bool is_sign(char c) {
  return c == '-' || c == '+';
}

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer{source}.run();
}

Lexer::Lexer(std::string_view source) : source_{normalize(source)} {}

std::vector<Token> Lexer::run() {
  if (!is_valid_utf8(source_)) {
    error("the template is not valid UTF-8");
  }
  while (at_ < source_.size()) {
    lex_text();
  }
  add(TokenKind::end);
  return std::move(tokens_);
}

void Lexer::lex_text() {
  std::size_t begin = source_.find('{', at_);
  while (begin != npos && begin + 1 < source_.size() &&
         std::string_view{"%{#"}.find(source_[begin + 1]) == npos) {
    begin = source_.find('{', begin + 1);
  }
  if (begin == npos || begin + 1 >= source_.size()) {
    add(TokenKind::text, std::string{rest()});
    advance(rest().size());
    return;
  }
  if (source_[begin + 1] == '#') {
    lex_comment(begin);
    return;
  }
  bool const is_print = source_[begin + 1] == '{';
  if (!is_print && lex_raw(begin)) {
    return;
  }
  char const sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
  add_text(std::string_view{source_}.substr(at_, begin - at_), sign, is_print);
  advance(begin - at_ + (is_sign(sign) ? 3 : 2));
  lex_tag(is_print ? TokenKind::print_begin : TokenKind::block_begin,
          is_print ? TokenKind::print_end : TokenKind::block_end);
}

// The text before a tag whose begin has this sign.
void Lexer::add_text(std::string_view text, char sign, bool is_print) {
  if (sign == '-') {
    text = strip(text, Side::right);
  } else if (sign != '+' && !is_print) {
    std::size_t const newline = text.rfind('\n');
    std::size_t const line_begin = newline == npos ? 0 : newline + 1;
    if ((line_begin > 0 || is_line_start_) && strip(text.substr(line_begin)).empty()) {
      text = text.substr(0, line_begin);
    }
  }
  if (!text.empty()) {
    add(TokenKind::text, std::string{text});
  }
}

void Lexer::lex_comment(std::size_t begin) {
  char const sign = begin + 2 < source_.size() ? source_[begin + 2] : '\0';
  add_text(std::string_view{source_}.substr(at_, begin - at_), sign, false);
  advance(begin - at_ + (is_sign(sign) ? 3 : 2));
  std::size_t const close = source_.find("#}", at_);
  if (close == npos) {
    error("missing end of comment tag");
  }
  char const end_sign = close > at_ ? source_[close - 1] : '\0';
  std::size_t end = close + 2;
  if (end_sign == '-') {
    end = skip_spaces(end);
  } else if (end_sign != '+' && end < source_.size() && source_[end] == '\n') {
    ++end;
  }
  advance(end - at_);
}

// The next {% endraw %}: its place and sign, and where it ends.
std::size_t Lexer::find_endraw(std::size_t from, char& sign, std::size_t& end) const {
  std::string_view const source = source_;
  for (std::size_t at = source.find("{%", from); at != npos; at = source.find("{%", at + 1)) {
    end = at + 2;
    sign = end < source.size() && is_sign(source[end]) ? source[end++] : '\0';
    end = skip_spaces(end);
    if (!source.substr(end).starts_with("endraw")) {
      continue;
    }
    end = skip_spaces(end + 6);
    std::string_view const tail = source.substr(end);
    if (tail.starts_with("-%}")) {
      end = skip_spaces(end + 3);
      return at;
    }
    if (tail.starts_with("+%}") || tail.starts_with("%}")) {
      bool const trims = tail.front() == '%' && tail.size() > 2 && tail[2] == '\n';
      end += trims || tail.front() == '+' ? 3U : 2U;
      return at;
    }
  }
  return npos;
}

bool Lexer::lex_raw(std::size_t begin) {
  std::size_t after = begin + 2;
  char const sign = after < source_.size() && is_sign(source_[after]) ? source_[after++] : '\0';
  after = skip_spaces(after);
  if (!std::string_view{source_}.substr(after).starts_with("raw")) {
    return false;
  }
  after = skip_spaces(after + 3);
  std::string_view const tail = std::string_view{source_}.substr(after);
  if (!tail.starts_with("%}") && !tail.starts_with("-%}")) {
    return false;
  }
  after = tail.front() == '-' ? skip_spaces(after + 3) : after + 2;
  add_text(std::string_view{source_}.substr(at_, begin - at_), sign, false);
  advance(after - at_);

  char end_sign = '\0';
  std::size_t end = 0;
  std::size_t const close = find_endraw(at_, end_sign, end);
  if (close == npos) {
    error("missing end of raw directive");
  }
  add_text(std::string_view{source_}.substr(at_, close - at_), end_sign, false);
  advance(end - at_);
  return true;
}

std::size_t Lexer::skip_spaces(std::size_t from) const {
  std::string_view const tail = std::string_view{source_}.substr(from);
  return from + (tail.size() - strip(tail, Side::left).size());
}

void Lexer::error(std::string message) const {
  throw SyntaxFailure{line_, std::move(message)};
}

void Lexer::advance(std::size_t size) {
  auto const passed = rest().substr(0, size);
  line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
  is_line_start_ = passed.ends_with('\n');
  at_ += size;
}

void Lexer::add(TokenKind kind, std::string text, Value value) {
  tokens_.push_back({kind, line_, std::move(text), std::move(value)});
}

}  // namespace talus::io::jinja
