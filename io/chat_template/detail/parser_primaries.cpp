// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/chat_template/detail/parser.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::jinja {

// One expression, or several with commas between, which are a tuple. `end` is a name that ends it.
ExpressionPtr Parser::parse_tuple(Conditional conditional, std::string_view end) {
  int const line = current().line;
  if (is_tuple_end(end)) {
    error(line, concat("expected an expression, got ", describe_current()));
  }
  ExpressionPtr first = parse_expression(conditional);
  if (!current().is_symbol(",")) {
    return first;
  }
  ExpressionPtr tuple = make(ExpressionKind::tuple, line, std::move(first));
  while (skip_symbol(",") && !is_tuple_end(end)) {
    adopt(*tuple, parse_expression(conditional));
  }
  return tuple;
}

bool Parser::is_tuple_end(std::string_view end) const {
  return current().kind == TokenKind::print_end || current().kind == TokenKind::block_end ||
         current().is_symbol(")") || (!end.empty() && current().is_name(end));
}

ExpressionPtr Parser::parse_primary() {
  if (current().kind == TokenKind::name) {
    return parse_name();
  }
  if (current().kind == TokenKind::constant) {
    return parse_constant();
  }
  if (current().is_symbol("(")) {
    return parse_parentheses();
  }
  if (current().is_symbol("[")) {
    return parse_list();
  }
  if (current().is_symbol("{")) {
    return parse_dict();
  }
  error(current().line, concat("expected an expression, got ", describe_current()));
}

ExpressionPtr Parser::parse_name() {
  Token const& token = take();
  std::string const& name = token.text;
  ExpressionPtr node = make(ExpressionKind::constant, token.line);
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    node->value = Value{name.back() == 'e' && (name[0] == 't' || name[0] == 'T')};
  } else if (name != "none" && name != "None") {
    node->kind = ExpressionKind::name;
    node->name = name;
  }
  for (MacroDefinition* const macro : macros_) {
    macro->uses_varargs |= name == "varargs";
    macro->uses_kwargs |= name == "kwargs";
    macro->uses_caller |= name == "caller";
  }
  return node;
}

// A number, or strings, which are joined if one follows the other.
ExpressionPtr Parser::parse_constant() {
  Token const& token = take();
  ExpressionPtr node = make(ExpressionKind::constant, token.line);
  node->value = token.value;
  if (token.value.is_string()) {
    std::string text = token.value.as_string();
    while (current().kind == TokenKind::constant && current().value.is_string()) {
      text += take().value.as_string();
    }
    node->value = Value{std::move(text)};
  }
  return node;
}

ExpressionPtr Parser::parse_parentheses() {
  int const line = take().line;
  ExpressionPtr value =
      current().is_symbol(")") ? make(ExpressionKind::tuple, line) : parse_tuple();
  expect_symbol(")");
  return value;
}

ExpressionPtr Parser::parse_list() {
  ExpressionPtr list = make(ExpressionKind::list, take().line);
  while (!current().is_symbol("]")) {
    adopt(*list, parse_expression());
    if (!skip_symbol(",")) {
      break;
    }
  }
  expect_symbol("]");
  return list;
}

ExpressionPtr Parser::parse_dict() {
  ExpressionPtr dict = make(ExpressionKind::dict, take().line);
  while (!current().is_symbol("}")) {
    adopt(*dict, parse_expression());
    expect_symbol(":");
    adopt(*dict, parse_expression());
    if (!skip_symbol(",")) {
      break;
    }
  }
  expect_symbol("}");
  return dict;
}

}  // namespace talus::io::jinja
