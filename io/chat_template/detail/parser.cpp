// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/parser.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/error.hpp"

namespace talus::io::jinja {
namespace {

// Python's own parser, through which the templates' usual engine goes, allows about as much.
constexpr int max_nesting = 200;
constexpr int max_height = 400;

}  // namespace

Parser::Nesting::Nesting(Parser& parser) : parser_{parser} {
  if (parser_.depth_ == max_nesting) {
    parser_.error(
        parser_.current().line,
        concat("nested deeper than ", max_nesting, " levels (tags, brackets, operators)"));
  }
  ++parser_.depth_;
}

Body Parser::parse() {
  Body body = parse_body({});
  if (!unknown_.empty()) {
    throw unknown_.front();
  }
  return body;
}

Token const& Parser::next() const {
  return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
}

Token const& Parser::take() {
  Token const& token = tokens_[at_];
  at_ = std::min(at_ + 1, tokens_.size() - 1);
  return token;
}

bool Parser::skip_symbol(std::string_view symbol) {
  bool const is_here = current().is_symbol(symbol);
  if (is_here) {
    take();
  }
  return is_here;
}

bool Parser::skip_name(std::string_view name) {
  bool const is_here = current().is_name(name);
  if (is_here) {
    take();
  }
  return is_here;
}

void Parser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) {
    error(current().line, concat("expected '", symbol, "', got ", describe_current()));
  }
}

void Parser::expect_name(std::string_view name) {
  if (!skip_name(name)) {
    error(current().line, concat("expected '", name, "', got ", describe_current()));
  }
}

std::string Parser::take_name(std::string_view what) {
  if (current().kind != TokenKind::name) {
    error(current().line, concat("expected ", what, ", got ", describe_current()));
  }
  return take().text;
}

void Parser::expect(TokenKind kind, std::string_view what) {
  if (current().kind != kind) {
    error(current().line, concat("expected ", what, ", got ", describe_current()));
  }
  take();
}

std::string Parser::describe_current() const {
  switch (current().kind) {
    case TokenKind::text:
      return "text";
    case TokenKind::block_begin:
      return "'{%'";
    case TokenKind::block_end:
      return "'%}'";
    case TokenKind::print_begin:
      return "'{{'";
    case TokenKind::print_end:
      return "'}}'";
    case TokenKind::constant:
      return current().value.is_string() ? "a string" : "a number";
    case TokenKind::end:
      return "the end of the template";
    default:
      return concat('\'', current().text, '\'');
  }
}

void Parser::error(int line, std::string message) const {
  throw SyntaxFailure{line, std::move(message)};
}

void Parser::report_unknown(int line, std::string message) {
  unknown_.emplace_back(line, std::move(message));
}

void Parser::adopt(Expression& parent, ExpressionPtr child) {
  if (child) {
    check_height(parent, *child);
  }
  parent.children.push_back(std::move(child));
}

void Parser::check_height(Expression& parent, Expression const& child) {
  parent.height = std::max(parent.height, child.height + 1);
  if (parent.height > max_height) {
    error(parent.line, concat("expression of more than ", max_height, " levels"));
  }
}

}  // namespace talus::io::jinja
