// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "io/chat_template/detail/parser.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::jinja {
namespace {

std::string join_quoted(std::initializer_list<std::string_view> names) {
  std::string text;
  for (std::string_view const name : names) {
    text += concat(text.empty() ? "'" : " or '", name, '\'');
  }
  return text;
}

}  // namespace

// Everything up to a tag of one of these names, which is then the current token; up to the
// template's end if there are none.
Body Parser::parse_body(Names ends) {
  Nesting const nesting{*this};
  Body body;
  while (current().kind != TokenKind::end) {
    int const line = current().line;
    if (current().kind == TokenKind::text) {
      body.push_back({line, TextStatement{take().text}});
    } else if (current().kind == TokenKind::print_begin) {
      take();
      PrintStatement print;
      print.values.push_back(parse_tuple());
      body.push_back({line, std::move(print)});
      expect(TokenKind::print_end, "'}}'");
    } else {
      expect(TokenKind::block_begin, "a tag");
      if (std::any_of(ends.begin(), ends.end(), [&](auto end) { return current().is_name(end); })) {
        return body;
      }
      body.push_back(parse_statement());
      expect(TokenKind::block_end, "'%}'");
    }
  }
  if (ends.size() > 0) {
    error(current().line, concat("the template ends where ", join_quoted(ends), " is missing"));
  }
  return body;
}

// The body of a tag that has names of its own, from behind the tag's head to behind its end's name.
Body Parser::parse_scoped_body(Names ends) {
  std::size_t const num_unknown = unknown_.size();
  skip_symbol(":");
  expect(TokenKind::block_end, "'%}'");
  Body body = parse_body(ends);
  if (unknown_.size() > num_unknown) {
    throw unknown_[num_unknown];
  }
  return body;
}

Body Parser::parse_function_body(MacroDefinition& macro, Names ends) {
  int const outer_loops = std::exchange(num_loops_, 0);
  macros_.push_back(&macro);
  Body body = parse_scoped_body(ends);
  macros_.pop_back();
  num_loops_ = outer_loops;
  take();
  return body;
}

Statement Parser::parse_statement() {
  int const line = current().line;
  std::string const tag = take_name("a tag's name");
  if (tag == "for") {
    return parse_for(line);
  }
  if (tag == "if") {
    return parse_if(line);
  }
  if (tag == "set") {
    return parse_set(line);
  }
  if (tag == "print") {
    return parse_print(line);
  }
  if (tag == "break" || tag == "continue") {
    return parse_loop_control(line, tag == "break" ? LoopControl::leave : LoopControl::go_on);
  }
  return parse_block_statement(tag, line);
}

Statement Parser::parse_block_statement(std::string const& tag, int line) {
  if (tag == "macro") {
    return parse_macro(line);
  }
  if (tag == "call") {
    return parse_call(line);
  }
  if (tag == "with") {
    return parse_with(line);
  }
  if (tag == "filter") {
    return parse_filter_block(line);
  }
  if (tag == "generation") {
    MacroDefinition unused;
    return {line, GenerationStatement{parse_function_body(unused, {"endgeneration"})}};
  }
  for (std::string_view const refused :
       {"include", "import", "from", "extends", "block", "autoescape"}) {
    if (tag == refused) {
      error(line, concat("tag '", tag, "' (a chat template stands alone, this is not supported)"));
    }
  }
  error(line, concat("unknown tag '", tag, '\''));
}

Statement Parser::parse_for(int line) {
  ForStatement loop;
  ++num_loops_anywhere_;
  loop.target = parse_target_tuple(Attributes::forbidden, "in");
  expect_name("in");
  loop.items = parse_tuple(Conditional::forbidden, "recursive");
  if (skip_name("if")) {
    loop.condition = parse_expression();
  }
  loop.is_recursive = skip_name("recursive");
  ++num_loops_;
  loop.body = parse_scoped_body({"endfor", "else"});
  --num_loops_;
  if (take().text == "else") {
    loop.otherwise = parse_scoped_body({"endfor"});
    take();
  }
  --num_loops_anywhere_;
  return {line, std::move(loop)};
}

Statement Parser::parse_if(int line) {
  std::size_t const num_unknown = unknown_.size();
  IfStatement statement;
  std::string tag;
  do {
    ExpressionPtr condition = parse_tuple(Conditional::forbidden);
    skip_symbol(":");
    expect(TokenKind::block_end, "'%}'");
    Body body = parse_body({"elif", "else", "endif"});
    statement.branches.push_back({std::move(condition), std::move(body)});
    tag = take().text;
  } while (tag == "elif");
  if (tag == "else") {
    skip_symbol(":");
    expect(TokenKind::block_end, "'%}'");
    statement.otherwise = parse_body({"endif"});
    take();
  }
  unknown_.erase(unknown_.begin() + static_cast<std::ptrdiff_t>(num_unknown), unknown_.end());
  return {line, std::move(statement)};
}

Statement Parser::parse_set(int line) {
  Target target = parse_target(Attributes::allowed);
  if (skip_symbol("=")) {
    return {line, SetStatement{std::move(target), parse_tuple()}};
  }
  ExpressionPtr filters;
  if (current().is_symbol("|")) {
    filters = parse_filter_chain(make(ExpressionKind::captured, line));
  }
  Body body = parse_scoped_body({"endset"});
  take();
  return {line, SetBlockStatement{std::move(target), std::move(filters), std::move(body)}};
}

Statement Parser::parse_with(int line) {
  WithStatement with;
  while (current().kind != TokenKind::block_end && !current().is_symbol(":")) {
    if (!with.values.empty()) {
      expect_symbol(",");
    }
    Target target = parse_single_target(Attributes::forbidden);
    expect_symbol("=");
    with.values.emplace_back(std::move(target), parse_expression());
  }
  with.body = parse_scoped_body({"endwith"});
  take();
  return {line, std::move(with)};
}

Statement Parser::parse_filter_block(int line) {
  ExpressionPtr filters = parse_filter(make(ExpressionKind::captured, line));
  filters = parse_filter_chain(std::move(filters));
  Body body = parse_scoped_body({"endfilter"});
  take();
  return {line, FilterStatement{std::move(filters), std::move(body)}};
}

Statement Parser::parse_macro(int line) {
  MacroDefinition macro;
  macro.name = take_name("the macro's name");
  parse_parameters(macro);
  macro.body = parse_function_body(macro, {"endmacro"});
  return {line, MacroStatement{std::move(macro)}};
}

Statement Parser::parse_call(int line) {
  CallStatement statement;
  if (current().is_symbol("(")) {
    parse_parameters(statement.caller);
  }
  statement.call = parse_expression();
  if (statement.call->kind != ExpressionKind::call) {
    error(line, "the tag 'call' needs a call of a macro");
  }
  statement.caller.body = parse_function_body(statement.caller, {"endcall"});
  return {line, std::move(statement)};
}

void Parser::parse_parameters(MacroDefinition& macro) {
  expect_symbol("(");
  while (!current().is_symbol(")")) {
    int const line = current().line;
    MacroDefinition::Parameter parameter{take_name("a parameter's name"), nullptr};
    if (skip_symbol("=")) {
      parameter.otherwise = parse_expression();
    } else if (!macro.parameters.empty() && macro.parameters.back().otherwise) {
      error(line, concat("parameter '", parameter.name, "' has no default, unlike one before it"));
    }
    macro.parameters.push_back(std::move(parameter));
    if (!current().is_symbol(")")) {
      expect_symbol(",");
    }
  }
  expect_symbol(")");
}

Statement Parser::parse_print(int line) {
  PrintStatement print;
  while (current().kind != TokenKind::block_end) {
    if (!print.values.empty()) {
      expect_symbol(",");
    }
    print.values.push_back(parse_expression());
  }
  return {line, std::move(print)};
}

Statement Parser::parse_loop_control(int line, LoopControl control) {
  if (num_loops_ == 0) {
    error(
        line,
        concat('\'', control == LoopControl::leave ? "break" : "continue", "' outside of a loop"));
  }
  return {line, LoopControlStatement{control}};
}

}  // namespace talus::io::jinja
