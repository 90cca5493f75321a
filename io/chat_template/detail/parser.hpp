// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/ast.hpp"
#include "io/chat_template/detail/token.hpp"

namespace talus::io::jinja {

/// Reads a template's tokens into a tree. Used once.
class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_{std::move(tokens)} {}

  /// \throws SyntaxFailure  with the line, if it is not a template, or nested too deep
  [[nodiscard]] Body parse();

 private:
  using Names = std::initializer_list<std::string_view>;
  enum class Conditional { allowed, forbidden };
  class Nesting;

  // Statements: parser_statements.cpp.
  Body parse_body(Names ends);
  Body parse_scoped_body(Names ends);
  Body parse_function_body(MacroDefinition& macro, Names ends);
  Statement parse_statement();
  Statement parse_block_statement(std::string const& tag, int line);
  Statement parse_for(int line);
  Statement parse_if(int line);
  Statement parse_set(int line);
  Statement parse_with(int line);
  Statement parse_filter_block(int line);
  Statement parse_macro(int line);
  Statement parse_call(int line);
  Statement parse_print(int line);
  Statement parse_loop_control(int line, LoopControl control);
  void parse_parameters(MacroDefinition& macro);

  // Targets of assignments: parser_targets.cpp.
  enum class Attributes { allowed, forbidden };
  Target parse_target(Attributes attributes);
  Target parse_target_tuple(Attributes attributes, std::string_view end);
  Target parse_set_target(Attributes attributes);
  Target parse_single_target(Attributes attributes);

  // Expressions: parser_expressions.cpp.
  ExpressionPtr parse_expression(Conditional conditional = Conditional::allowed);
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_compare();
  std::string take_compare_operator();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concat();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  enum class Filters { allowed, forbidden };
  ExpressionPtr parse_unary(Filters filters = Filters::allowed);

  // What expressions are made of: parser_primaries.cpp.
  ExpressionPtr parse_tuple(Conditional conditional = Conditional::allowed,
                            std::string_view end = {});
  [[nodiscard]] bool is_tuple_end(std::string_view end) const;
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name();
  ExpressionPtr parse_constant();
  ExpressionPtr parse_parentheses();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();

  // What follows a primary: parser_postfix.cpp.
  ExpressionPtr parse_postfix(ExpressionPtr value);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr value);
  ExpressionPtr parse_attribute(ExpressionPtr value);
  ExpressionPtr parse_subscript(ExpressionPtr value);
  ExpressionPtr parse_slice(ExpressionPtr value, ExpressionPtr start, int line);
  ExpressionPtr parse_filter(ExpressionPtr value);
  ExpressionPtr parse_filter_chain(ExpressionPtr value);
  ExpressionPtr parse_test(ExpressionPtr value);
  [[nodiscard]] bool starts_test_argument() const;
  std::string parse_dotted_name();
  void parse_arguments(Expression& call);
  void parse_argument(Expression& call, int line);

  // Tokens and errors: parser.cpp.
  [[nodiscard]] Token const& current() const { return tokens_[at_]; }

  [[nodiscard]] Token const& next() const;
  Token const& take();
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  void expect_symbol(std::string_view symbol);
  void expect_name(std::string_view name);
  std::string take_name(std::string_view what);
  void expect(TokenKind kind, std::string_view what);
  [[nodiscard]] std::string describe_current() const;
  [[noreturn]] void error(int line, std::string message) const;
  void report_unknown(int line, std::string message);

  template <class... Children>
  ExpressionPtr make(ExpressionKind kind, int line, Children... children);
  void adopt(Expression& parent, ExpressionPtr child);
  void check_height(Expression& parent, Expression const& child);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int num_loops_ = 0;                     // around this place, up to the next macro
  int num_loops_anywhere_ = 0;            // around this place
  std::vector<MacroDefinition*> macros_;  // around this place
  // Unknown filters and tests. Where only a condition leads to them, they are no error until then.
  std::vector<SyntaxFailure> unknown_;
};

/// One level of the grammar's recursion.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser);
  Nesting(Nesting const&) = delete;
  Nesting& operator=(Nesting const&) = delete;

  ~Nesting() { --parser_.depth_; }

 private:
  Parser& parser_;
};

template <class... Children>
ExpressionPtr Parser::make(ExpressionKind kind, int line, Children... children) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  (adopt(*node, std::move(children)), ...);
  return node;
}

}  // namespace talus::io::jinja
