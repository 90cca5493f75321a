// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "io/chat_template/detail/ast.hpp"
#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/runtime.hpp"

namespace talus::io::jinja {

class Loop;

/// Runs a template's tree once.
class Evaluator {
 public:
  /// \param variables  the names that the template sees; a dict
  Evaluator(Runtime& runtime, Value const& variables);

  /// Runs the template, and gives its text.
  ///
  /// \param hidden  the names that the template itself hides
  /// \throws Failure  see line() for where
  [[nodiscard]] std::string run(Body const& body, HiddenNames const& hidden);

  /// The line that was run last.
  [[nodiscard]] int line() const noexcept { return line_; }

  /// Calls a macro, whose body sees the names of `around`, and gives its text.
  [[nodiscard]] Value call_macro(MacroDefinition const& macro,
                                 std::shared_ptr<Scope> const& around,
                                 Arguments const& arguments);

  /// Runs a recursive loop's body for more items, and gives its text.
  [[nodiscard]] Value call_loop(ForStatement const& statement,
                                std::shared_ptr<Scope> const& around,
                                Value const& items,
                                int depth);

  /// The value of a condition of a loop for one of its items.
  [[nodiscard]] bool accepts(ForStatement const& statement,
                             std::shared_ptr<Scope> const& around,
                             Value const& item);

 private:
  enum class Flow { normal, next, leave };
  class Inside;   // another scope, for as long as it lives
  class Capture;  // another output, for as long as it lives

  // Statements: evaluate_statements.cpp.
  Flow execute(Body const& body);
  Flow run(TextStatement const& statement);
  Flow run(PrintStatement const& statement);
  Flow run(ForStatement const& statement);
  Flow run(IfStatement const& statement);
  Flow run(SetStatement const& statement);
  Flow run(SetBlockStatement const& statement);
  Flow run(WithStatement const& statement);
  Flow run(FilterStatement const& statement);
  Flow run(GenerationStatement const& statement);
  Flow run(MacroStatement const& statement);
  Flow run(CallStatement const& statement);
  Flow run(LoopControlStatement const& statement);
  Flow run_loop(ForStatement const& statement, Value const& items, int depth);
  Value capture(Body const& body, HiddenNames const& hidden, Flow& flow);
  void hide(HiddenNames const& names);
  Value filter_captured(Expression const& filters, Value text);
  void assign(Target const& target, Value value);
  void assign_tuple(Target const& target, Value const& value);
  void assign_attribute(Target const& target, Value value);
  void write(std::string_view text);
  void write_block(Value const& value, std::string_view tag);

  // Calls: evaluate_calls.cpp.
  Value call(Expression const& expression, std::shared_ptr<Object> caller = nullptr);
  Arguments evaluate_arguments(Expression const& expression, std::size_t first);
  void bind_parameters(MacroDefinition const& macro, Arguments const& arguments);
  void bind_rest(MacroDefinition const& macro, Arguments const& arguments);
  Value make_macro(MacroDefinition const& macro);
  Value apply_filter(Expression const& expression);
  bool apply_test(Expression const& expression);

  // Expressions: evaluate_expressions.cpp.
  Value evaluate(Expression const& expression);
  Value evaluate_simple(Expression const& expression);
  Value evaluate_compound(Expression const& expression);
  Value evaluate_name(Expression const& expression);
  std::vector<Value> evaluate_all(Expression const& expression, std::size_t first = 0);
  Value evaluate_dict(Expression const& expression);
  Value evaluate_binary(Expression const& expression);
  Value evaluate_concat(Expression const& expression);
  bool evaluate_compare(Expression const& expression);
  Value evaluate_conditional(Expression const& expression);
  Value evaluate_slice(Expression const& expression);

  Runtime& runtime_;
  std::shared_ptr<Scope> scope_;
  std::string* out_ = nullptr;
  Value captured_;  // what the filters of a block are put on
  int line_ = 1;
};

}  // namespace talus::io::jinja
