// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "io/chat_template/detail/parser.hpp"

namespace talus::io::jinja {

ExpressionPtr Parser::parse_expression(Conditional conditional) {
  Nesting const nesting{*this};
  if (conditional == Conditional::forbidden) {
    return parse_or();
  }
  std::size_t const num_unknown = unknown_.size();
  int const line = current().line;
  ExpressionPtr value = parse_or();
  while (skip_name("if")) {
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = skip_name("else") ? parse_expression() : nullptr;
    value = make(ExpressionKind::conditional,
                 line,
                 std::move(condition),
                 std::move(value),
                 std::move(otherwise));
    unknown_.erase(unknown_.begin() + static_cast<std::ptrdiff_t>(num_unknown), unknown_.end());
  }
  return value;
}

ExpressionPtr Parser::parse_or() {
  ExpressionPtr left = parse_and();
  while (current().is_name("or")) {
    int const line = take().line;
    left = make(ExpressionKind::logical_or, line, std::move(left), parse_and());
  }
  return left;
}

ExpressionPtr Parser::parse_and() {
  ExpressionPtr left = parse_not();
  while (current().is_name("and")) {
    int const line = take().line;
    left = make(ExpressionKind::logical_and, line, std::move(left), parse_not());
  }
  return left;
}

ExpressionPtr Parser::parse_not() {
  if (!current().is_name("not")) {
    return parse_compare();
  }
  Nesting const nesting{*this};
  int const line = take().line;
  return make(ExpressionKind::logical_not, line, parse_not());
}

ExpressionPtr Parser::parse_compare() {
  int const line = current().line;
  ExpressionPtr first = parse_sum();
  std::string operation = take_compare_operator();
  if (operation.empty()) {
    return first;
  }
  ExpressionPtr chain = make(ExpressionKind::compare, line, std::move(first));
  for (; !operation.empty(); operation = take_compare_operator()) {
    chain->operators.push_back(std::move(operation));
    adopt(*chain, parse_sum());
  }
  return chain;
}

// The operator of a comparison, if one is next; else nothing.
std::string Parser::take_compare_operator() {
  constexpr std::array<std::string_view, 6> symbols{"==", "!=", "<", "<=", ">", ">="};
  bool const is_symbol = current().kind == TokenKind::symbol &&
                         std::find(symbols.begin(), symbols.end(), current().text) != symbols.end();
  if (is_symbol || current().is_name("in")) {
    return take().text;
  }
  if (current().is_name("not") && next().is_name("in")) {
    take();
    take();
    return "not in";
  }
  return {};
}

ExpressionPtr Parser::parse_sum() {
  ExpressionPtr left = parse_concat();
  while (current().is_symbol("+") || current().is_symbol("-")) {
    Token const& token = take();
    left = make(ExpressionKind::binary, token.line, std::move(left), parse_concat());
    left->name = token.text;
  }
  return left;
}

ExpressionPtr Parser::parse_concat() {
  int const line = current().line;
  ExpressionPtr first = parse_product();
  if (!current().is_symbol("~")) {
    return first;
  }
  ExpressionPtr all = make(ExpressionKind::concat, line, std::move(first));
  while (skip_symbol("~")) {
    adopt(*all, parse_product());
  }
  return all;
}

ExpressionPtr Parser::parse_product() {
  ExpressionPtr left = parse_power();
  while (current().is_symbol("*") || current().is_symbol("/") || current().is_symbol("//") ||
         current().is_symbol("%")) {
    Token const& token = take();
    left = make(ExpressionKind::binary, token.line, std::move(left), parse_power());
    left->name = token.text;
  }
  return left;
}

ExpressionPtr Parser::parse_power() {
  ExpressionPtr left = parse_unary();
  while (current().is_symbol("**")) {
    int const line = take().line;
    left = make(ExpressionKind::binary, line, std::move(left), parse_unary());
    left->name = "**";
  }
  return left;
}

ExpressionPtr Parser::parse_unary(Filters filters) {
  Nesting const nesting{*this};
  ExpressionPtr value;
  if (current().is_symbol("-") || current().is_symbol("+")) {
    Token const& token = take();
    auto const kind = token.text == "-" ? ExpressionKind::negate : ExpressionKind::plus;
    value = make(kind, token.line, parse_unary(Filters::forbidden));
  } else {
    value = parse_primary();
  }
  value = parse_postfix(std::move(value));
  return filters == Filters::allowed ? parse_filters_and_tests(std::move(value)) : std::move(value);
}

}  // namespace talus::io::jinja
