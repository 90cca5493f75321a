// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/operators.hpp"
#include "io/chat_template/detail/print.hpp"

namespace talus::io::jinja {
namespace {

bool holds(std::string const& operation, Value const& a, Value const& b) {
  if (operation == "==") {
    return equal(a, b);
  }
  if (operation == "!=") {
    return !equal(a, b);
  }
  if (operation == "in") {
    return contains(b, a);
  }
  if (operation == "not in") {
    return !contains(b, a);
  }
  auto const ordering = order(a, b);
  if (operation.size() == 2 && ordering == 0) {
    return true;  // <= and >=
  }
  return operation.front() == '<' ? ordering < 0 : ordering > 0;
}

}  // namespace

Value Evaluator::evaluate(Expression const& expression) {
  Runtime::Level const level{runtime_};
  runtime_.add_steps(1);
  line_ = expression.line;
  switch (expression.kind) {
    case ExpressionKind::constant:
    case ExpressionKind::name:
    case ExpressionKind::attribute:
    case ExpressionKind::item:
    case ExpressionKind::captured:
      return evaluate_simple(expression);
    case ExpressionKind::logical_not:
      return Value{!is_true(evaluate(*expression.children[0]))};
    case ExpressionKind::logical_and: {
      Value left = evaluate(*expression.children[0]);
      return is_true(left) ? evaluate(*expression.children[1]) : left;
    }
    case ExpressionKind::logical_or: {
      Value left = evaluate(*expression.children[0]);
      return is_true(left) ? left : evaluate(*expression.children[1]);
    }
    case ExpressionKind::compare:
      return Value{evaluate_compare(expression)};
    case ExpressionKind::conditional:
      return evaluate_conditional(expression);
    case ExpressionKind::test:
      return Value{apply_test(expression)};
    default: {
      Value made = evaluate_compound(expression);
      runtime_.add_made(made);
      return made;
    }
  }
}

// What makes no new value.
Value Evaluator::evaluate_simple(Expression const& expression) {
  switch (expression.kind) {
    case ExpressionKind::constant:
      return expression.value;
    case ExpressionKind::name:
      return evaluate_name(expression);
    case ExpressionKind::attribute:
      return get_attribute(evaluate(*expression.children[0]), expression.name);
    case ExpressionKind::captured:
      return std::exchange(captured_, Value{});
    default: {
      Value const container = evaluate(*expression.children[0]);
      return get_item(container, evaluate(*expression.children[1]));
    }
  }
}

// What makes a new value.
Value Evaluator::evaluate_compound(Expression const& expression) {
  switch (expression.kind) {
    case ExpressionKind::list:
      return Value::list(evaluate_all(expression));
    case ExpressionKind::tuple:
      return Value::tuple(evaluate_all(expression));
    case ExpressionKind::dict:
      return evaluate_dict(expression);
    case ExpressionKind::binary:
      return evaluate_binary(expression);
    case ExpressionKind::negate:
      return negate(evaluate(*expression.children[0]));
    case ExpressionKind::plus:
      return plus(evaluate(*expression.children[0]));
    case ExpressionKind::concat:
      return evaluate_concat(expression);
    case ExpressionKind::slice:
      return evaluate_slice(expression);
    case ExpressionKind::filter:
      return apply_filter(expression);
    default:
      return call(expression);
  }
}

Value Evaluator::evaluate_name(Expression const& expression) {
  if (Value const* const found = scope_->find(expression.name)) {
    return *found;
  }
  if (auto global = find_global(expression.name)) {
    return *std::move(global);
  }
  return Value::undefined(concat('\'', expression.name, "' is undefined"));
}

std::vector<Value> Evaluator::evaluate_all(Expression const& expression, std::size_t first) {
  std::vector<Value> values;
  values.reserve(expression.children.size() - first);
  for (std::size_t i = first; i < expression.children.size(); ++i) {
    values.push_back(evaluate(*expression.children[i]));
  }
  return values;
}

Value Evaluator::evaluate_dict(Expression const& expression) {
  auto dict = std::make_shared<Dict>();
  for (std::size_t i = 0; i + 1 < expression.children.size(); i += 2) {
    Value const key = evaluate(*expression.children[i]);
    dict->set(key, evaluate(*expression.children[i + 1]));
  }
  return std::shared_ptr<Dict const>{std::move(dict)};
}

Value Evaluator::evaluate_binary(Expression const& expression) {
  Value const left = evaluate(*expression.children[0]);
  Value const right = evaluate(*expression.children[1]);
  line_ = expression.line;
  return apply_operator(expression.name, left, right);
}

Value Evaluator::evaluate_concat(Expression const& expression) {
  std::string text;
  for (auto const& child : expression.children) {
    text += to_text(evaluate(*child));
    if (text.size() > max_value_bytes) {
      fail("operator ~: more than ", max_value_bytes, " bytes");
    }
  }
  return Value{std::move(text)};
}

bool Evaluator::evaluate_compare(Expression const& expression) {
  Value left = evaluate(*expression.children[0]);
  for (std::size_t i = 0; i < expression.operators.size(); ++i) {
    Value right = evaluate(*expression.children[i + 1]);
    runtime_.add_reading(left);
    runtime_.add_reading(right);
    line_ = expression.line;
    if (!holds(expression.operators[i], left, right)) {
      return false;
    }
    left = std::move(right);
  }
  return true;
}

Value Evaluator::evaluate_conditional(Expression const& expression) {
  if (is_true(evaluate(*expression.children[0]))) {
    return evaluate(*expression.children[1]);
  }
  if (expression.children[2]) {
    return evaluate(*expression.children[2]);
  }
  return Value::undefined("the condition of an 'if' without 'else' is false");
}

Value Evaluator::evaluate_slice(Expression const& expression) {
  Value const value = evaluate(*expression.children[0]);
  auto const bound = [&](std::size_t i) {
    return expression.children[i] ? evaluate(*expression.children[i]) : Value{};
  };
  Value const start = bound(1);
  Value const stop = bound(2);
  return get_slice(value, start, stop, bound(3));
}

}  // namespace talus::io::jinja
