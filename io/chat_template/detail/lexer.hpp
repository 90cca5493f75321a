// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/token.hpp"

namespace talus::io::jinja {

/// Cuts one template. Used once, by tokenize().
class Lexer {
 public:
  explicit Lexer(std::string_view source);

  [[nodiscard]] std::vector<Token> run();

 private:
  // Outside of tags: lexer.cpp.
  void lex_text();
  void lex_comment(std::size_t begin);
  bool lex_raw(std::size_t begin);
  void add_text(std::string_view text, char sign, bool is_print);
  std::size_t find_endraw(std::size_t from, char& sign, std::size_t& end) const;

  // Inside of tags: lexer_tags.cpp.
  void lex_tag(TokenKind begin, TokenKind end);
  bool lex_tag_end(TokenKind end);
  void lex_item();
  void lex_number();
  void lex_name();
  void lex_string();
  void lex_symbol();
  void balance(char bracket);

  [[nodiscard]] std::string_view rest() const { return std::string_view{source_}.substr(at_); }

  [[nodiscard]] bool starts_with(std::string_view text) const { return rest().starts_with(text); }

  [[nodiscard]] std::size_t skip_spaces(std::size_t from) const;
  [[noreturn]] void error(std::string message) const;

  // Goes on behind the first `size` bytes of the rest; counts lines.
  void advance(std::size_t size);
  void add(TokenKind kind, std::string text = {}, Value value = {});

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool is_line_start_ = true;
  std::vector<char> brackets_;  // the closing ones that are due
  std::vector<Token> tokens_;
};

/// Reads a string's text between its quotes: backslash escapes.
///
/// \throws Failure  for an escape that is cut short or is no character
[[nodiscard]] std::string unescape(std::string_view text);

}  // namespace talus::io::jinja
