// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/chat_template/detail/parser.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::jinja {

ExpressionPtr Parser::parse_postfix(ExpressionPtr value) {
  while (true) {
    if (current().is_symbol(".")) {
      value = parse_attribute(std::move(value));
    } else if (current().is_symbol("[")) {
      value = parse_subscript(std::move(value));
    } else if (current().is_symbol("(")) {
      value = make(ExpressionKind::call, current().line, std::move(value));
      parse_arguments(*value);
    } else {
      return value;
    }
  }
}

ExpressionPtr Parser::parse_filters_and_tests(ExpressionPtr value) {
  while (true) {
    if (current().is_symbol("|")) {
      take();
      value = parse_filter(std::move(value));
    } else if (current().is_name("is")) {
      value = parse_test(std::move(value));
    } else if (current().is_symbol("(")) {
      value = make(ExpressionKind::call, current().line, std::move(value));
      parse_arguments(*value);
    } else {
      return value;
    }
  }
}

// .name, or .number for an item.
ExpressionPtr Parser::parse_attribute(ExpressionPtr value) {
  int const line = take().line;
  if (current().kind == TokenKind::constant && current().value.is(Kind::integer)) {
    ExpressionPtr index = make(ExpressionKind::constant, line);
    index->value = take().value;
    return make(ExpressionKind::item, line, std::move(value), std::move(index));
  }
  ExpressionPtr node = make(ExpressionKind::attribute, line, std::move(value));
  node->name = take_name("a name or a number after '.'");
  return node;
}

ExpressionPtr Parser::parse_subscript(ExpressionPtr value) {
  int const line = take().line;
  if (current().is_symbol(":")) {
    return parse_slice(std::move(value), nullptr, line);
  }
  ExpressionPtr index = parse_expression();
  if (current().is_symbol(":")) {
    return parse_slice(std::move(value), std::move(index), line);
  }
  if (current().is_symbol(",")) {
    index = make(ExpressionKind::tuple, line, std::move(index));
    while (skip_symbol(",") && !current().is_symbol("]")) {
      adopt(*index, parse_expression());
    }
  }
  expect_symbol("]");
  return make(ExpressionKind::item, line, std::move(value), std::move(index));
}

ExpressionPtr Parser::parse_slice(ExpressionPtr value, ExpressionPtr start, int line) {
  auto const parse_bound = [&]() -> ExpressionPtr {
    bool const is_given =
        skip_symbol(":") && !current().is_symbol(":") && !current().is_symbol("]");
    return is_given ? parse_expression() : nullptr;
  };
  ExpressionPtr stop = parse_bound();
  ExpressionPtr step = parse_bound();
  expect_symbol("]");
  return make(ExpressionKind::slice,
              line,
              std::move(value),
              std::move(start),
              std::move(stop),
              std::move(step));
}

// The filter's name and arguments, behind the '|'.
ExpressionPtr Parser::parse_filter(ExpressionPtr value) {
  ExpressionPtr node = make(ExpressionKind::filter, current().line, std::move(value));
  node->name = parse_dotted_name();
  node->filter = find_filter(node->name);
  if (node->filter == nullptr) {
    report_unknown(node->line, concat("no filter named '", node->name, '\''));
  }
  if (current().is_symbol("(")) {
    parse_arguments(*node);
  }
  return node;
}

ExpressionPtr Parser::parse_filter_chain(ExpressionPtr value) {
  while (skip_symbol("|")) {
    value = parse_filter(std::move(value));
  }
  return value;
}

ExpressionPtr Parser::parse_test(ExpressionPtr value) {
  int const line = take().line;
  bool const is_negated = skip_name("not");
  ExpressionPtr node = make(ExpressionKind::test, line, std::move(value));
  node->name = parse_dotted_name();
  node->test = find_test(node->name);
  if (node->test == nullptr) {
    report_unknown(line, concat("no test named '", node->name, '\''));
  }
  if (current().is_symbol("(")) {
    parse_arguments(*node);
  } else if (starts_test_argument()) {
    if (current().is_name("is")) {
      error(current().line, "tests can't be chained with 'is'");
    }
    adopt(*node, parse_postfix(parse_primary()));
  }
  return is_negated ? make(ExpressionKind::logical_not, line, std::move(node)) : std::move(node);
}

bool Parser::starts_test_argument() const {
  Token const& token = current();
  if (token.kind == TokenKind::name) {
    return !token.is_name("else") && !token.is_name("or") && !token.is_name("and");
  }
  return token.kind == TokenKind::constant || token.is_symbol("[") || token.is_symbol("{");
}

std::string Parser::parse_dotted_name() {
  std::string name = take_name("a name");
  while (skip_symbol(".")) {
    name += '.' + take_name("a name");
  }
  return name;
}

void Parser::parse_arguments(Expression& call) {
  int const line = current().line;
  expect_symbol("(");
  while (!current().is_symbol(")")) {
    parse_argument(call, line);
    if (!skip_symbol(",")) {
      break;
    }
  }
  expect_symbol(")");
}

void Parser::parse_argument(Expression& call, int line) {
  auto const require = [&](bool is_right) {
    if (!is_right) {
      error(line, "wrong order of the arguments of a call");
    }
  };
  auto const take_more = [&](ExpressionPtr& more) {
    take();
    more = parse_expression();
    check_height(call, *more);
  };
  if (current().is_symbol("*")) {
    require(!call.more_positional && !call.more_named);
    take_more(call.more_positional);
  } else if (current().is_symbol("**")) {
    require(!call.more_named);
    take_more(call.more_named);
  } else if (current().kind == TokenKind::name && next().is_symbol("=")) {
    require(!call.more_named);
    std::string name = take().text;
    take();
    ExpressionPtr value = parse_expression();
    check_height(call, *value);
    call.named.emplace_back(std::move(name), std::move(value));
  } else {
    require(!call.more_positional && !call.more_named && call.named.empty());
    adopt(call, parse_expression());
  }
}

}  // namespace talus::io::jinja
