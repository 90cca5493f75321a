// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/evaluator_guards.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/loop.hpp"
#include "io/chat_template/detail/macro.hpp"
#include "io/chat_template/detail/print.hpp"

namespace talus::io::jinja {

Evaluator::Evaluator(Runtime& runtime, Value const& variables)
    : runtime_{runtime}, scope_{std::make_shared<Scope>(nullptr)} {
  for (auto const& [name, value] : variables.as_dict().entries()) {
    scope_->set(name.as_string(), value);
  }
}

std::string Evaluator::run(Body const& body, HiddenNames const& hidden) {
  std::string out;
  hide(hidden);
  Capture const capture{*this, out};
  execute(body);
  return out;
}

Evaluator::Flow Evaluator::execute(Body const& body) {
  Runtime::Level const level{runtime_};
  for (Statement const& statement : body) {
    runtime_.add_steps(1);
    line_ = statement.line;
    Flow const flow = std::visit([this](auto const& node) { return run(node); }, statement.node);
    if (flow != Flow::normal) {
      return flow;
    }
  }
  return Flow::normal;
}

void Evaluator::write(std::string_view text) {
  if (out_->size() + text.size() > runtime_.options().max_output_bytes) {
    fail("the template writes more than ", runtime_.options().max_output_bytes, " bytes");
  }
  runtime_.add_bytes(text.size());
  *out_ += text;
}

// Writes what a tag makes of its body. Unlike in a print, it must be text already.
void Evaluator::write_block(Value const& value, std::string_view tag) {
  if (!value.is_string()) {
    fail("tag '", tag, "': gives a ", type_name(value), " (must be a string)");
  }
  write(value.as_string());
}

Evaluator::Flow Evaluator::run(TextStatement const& statement) {
  write(statement.text);
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(PrintStatement const& statement) {
  for (ExpressionPtr const& value : statement.values) {
    write(to_text(evaluate(*value)));
  }
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(IfStatement const& statement) {
  for (auto const& [condition, body] : statement.branches) {
    if (is_true(evaluate(*condition))) {
      return execute(body);
    }
  }
  return execute(statement.otherwise);
}

Evaluator::Flow Evaluator::run(ForStatement const& statement) {
  return run_loop(statement, evaluate(*statement.items), 1);
}

Evaluator::Flow Evaluator::run_loop(ForStatement const& statement, Value const& items, int depth) {
  auto const sequence = to_sequence(items);
  if (items.is_string()) {
    runtime_.add_made(Value{sequence});
  }
  auto const loop = std::make_shared<Loop>(*this, statement, scope_, sequence, depth);
  LoopEnd const end{*loop};
  if (statement.is_recursive) {
    runtime_.keep(scope_);
  }
  bool is_body_complete = false;
  while (loop->advance()) {
    runtime_.add_steps(1);
    Inside const inside{*this, std::make_shared<Scope>(scope_)};
    hide(statement.hidden);
    scope_->set("loop", Value{std::shared_ptr<Object>{loop}});
    assign(statement.target, loop->item());
    Flow const flow = execute(statement.body);
    if (flow == Flow::leave) {
      break;
    }
    is_body_complete |= flow == Flow::normal;
  }
  if (is_body_complete || statement.otherwise.empty()) {
    return Flow::normal;
  }
  // Also if each round was cut short by a {% break %} or {% continue %}: so Jinja does it.
  Inside const inside{*this, std::make_shared<Scope>(scope_)};
  hide(statement.otherwise_hidden);
  return execute(statement.otherwise);
}

Value Evaluator::call_loop(ForStatement const& statement,
                           std::shared_ptr<Scope> const& around,
                           Value const& items,
                           int depth) {
  Runtime::Level const level{runtime_};
  int const line = line_;
  std::string out;
  {
    Inside const inside{*this, around};
    Capture const capture{*this, out};
    run_loop(statement, items, depth);
  }
  line_ = line;
  return Value{std::move(out)};
}

bool Evaluator::accepts(ForStatement const& statement,
                        std::shared_ptr<Scope> const& around,
                        Value const& item) {
  runtime_.add_steps(1);
  Inside const inside{*this, std::make_shared<Scope>(around)};
  assign(statement.target, item);
  return is_true(evaluate(*statement.condition));
}

Evaluator::Flow Evaluator::run(SetStatement const& statement) {
  assign(statement.target, evaluate(*statement.value));
  return Flow::normal;
}

// Runs a body in a scope of its own, and gives what it writes.
Value Evaluator::capture(Body const& body, HiddenNames const& hidden, Flow& flow) {
  std::string out;
  Inside const inside{*this, std::make_shared<Scope>(scope_)};
  hide(hidden);
  Capture const capture{*this, out};
  flow = execute(body);
  return Value{std::move(out)};
}

void Evaluator::hide(HiddenNames const& names) {
  for (std::string const& name : names) {
    runtime_.add_steps(1);
    scope_->set(name, Value::undefined(concat('\'', name, "' is undefined")));
  }
}

Value Evaluator::filter_captured(Expression const& filters, Value text) {
  captured_ = std::move(text);
  return evaluate(filters);
}

Evaluator::Flow Evaluator::run(SetBlockStatement const& statement) {
  Flow flow = Flow::normal;
  Value text = capture(statement.body, statement.hidden, flow);
  if (flow != Flow::normal) {
    return flow;
  }
  assign(statement.target,
         statement.filters ? filter_captured(*statement.filters, std::move(text)) : text);
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(FilterStatement const& statement) {
  Flow flow = Flow::normal;
  Value text = capture(statement.body, statement.hidden, flow);
  if (flow == Flow::normal) {
    write_block(filter_captured(*statement.filters, std::move(text)), "filter");
  }
  return flow;
}

Evaluator::Flow Evaluator::run(WithStatement const& statement) {
  std::vector<Value> values;
  for (auto const& [target, value] : statement.values) {
    values.push_back(evaluate(*value));
  }
  Inside const inside{*this, std::make_shared<Scope>(scope_)};
  hide(statement.hidden);
  for (std::size_t i = 0; i < values.size(); ++i) {
    assign(statement.values[i].first, std::move(values[i]));
  }
  return execute(statement.body);
}

Evaluator::Flow Evaluator::run(GenerationStatement const& statement) {
  Inside const inside{*this, std::make_shared<Scope>(scope_)};
  hide(statement.hidden);
  return execute(statement.body);
}

Evaluator::Flow Evaluator::run(MacroStatement const& statement) {
  scope_->set(statement.macro.name, make_macro(statement.macro));
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(CallStatement const& statement) {
  write_block(call(*statement.call, make_macro(statement.caller).as_object()), "call");
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(LoopControlStatement const& statement) {
  return statement.control == LoopControl::leave ? Flow::leave : Flow::next;
}

void Evaluator::assign(Target const& target, Value value) {
  if (target.is_tuple) {
    assign_tuple(target, value);
  } else if (!target.attribute.empty()) {
    assign_attribute(target, std::move(value));
  } else {
    scope_->set(target.name, std::move(value));
  }
}

void Evaluator::assign_tuple(Target const& target, Value const& value) {
  auto const sequence = to_sequence(value);
  if (sequence->items().size() != target.items.size()) {
    fail(sequence->items().size(), " values can't be assigned to ", target.items.size(), " names");
  }
  for (std::size_t i = 0; i < target.items.size(); ++i) {
    assign(target.items[i], sequence->items()[i]);
  }
}

void Evaluator::assign_attribute(Target const& target, Value value) {
  Value const* const found = scope_->find(target.name);
  auto const space = found != nullptr && found->is(Kind::object)
                         ? std::dynamic_pointer_cast<Namespace>(found->as_object())
                         : nullptr;
  if (!space) {
    fail(
        "can't set '", target.name, '.', target.attribute, "' (only a namespace's attributes can)");
  }
  space->set(target.attribute, std::move(value));
}

}  // namespace talus::io::jinja
