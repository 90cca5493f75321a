// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

enum class TokenKind {
  text,         ///< outside of tags
  block_begin,  ///< {%
  block_end,
  print_begin,  ///< {{
  print_end,
  name,
  constant,  ///< a string or a number, in `value`
  symbol,    ///< an operator or a bracket
  end,       ///< of the template
};

/// A piece of a template.
struct Token {
  TokenKind kind;
  int line;
  std::string text;  ///< a name, a symbol, or the text
  Value value;       ///< of a constant

  [[nodiscard]] bool is_name(std::string_view name) const {
    return kind == TokenKind::name && text == name;
  }

  [[nodiscard]] bool is_symbol(std::string_view symbol) const {
    return kind == TokenKind::symbol && text == symbol;
  }
};

/// An error of the template's text, with its line.
class SyntaxFailure final : public std::exception {
 public:
  SyntaxFailure(int line, std::string message) : line_{line}, message_{std::move(message)} {}

  [[nodiscard]] int line() const noexcept { return line_; }

  [[nodiscard]] char const* what() const noexcept override { return message_.c_str(); }

 private:
  int line_;
  std::string message_;
};

/// Cuts a template into tokens, the last of which is `end`.
///
/// White space is as with trim_blocks and lstrip_blocks: the newline after a block or comment tag
/// goes, and so do the blanks before such a tag that starts a line; `-` in a tag takes all white
/// space on its side, `+` keeps it. One newline at the template's end goes.
///
/// \throws SyntaxFailure  for an open tag, string or comment, a strange character, a wrong bracket
[[nodiscard]] std::vector<Token> tokenize(std::string_view source);

}  // namespace talus::io::jinja
