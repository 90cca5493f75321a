// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/evaluator_guards.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/macro.hpp"

namespace talus::io::jinja {

Value Evaluator::call(Expression const& expression, std::shared_ptr<Object> caller) {
  Value const function = evaluate(*expression.children[0]);
  Arguments arguments = evaluate_arguments(expression, 1);
  if (caller) {
    arguments.named.emplace_back("caller", Value{std::move(caller)});
  }
  line_ = expression.line;
  if (function.is_undefined()) {
    fail(function.why_undefined());
  }
  if (!function.is(Kind::object)) {
    fail("a ", type_name(function), " is not callable");
  }
  return function.as_object()->call(runtime_, arguments);
}

Arguments Evaluator::evaluate_arguments(Expression const& expression, std::size_t first) {
  Arguments arguments{evaluate_all(expression, first), {}};
  for (auto const& [name, value] : expression.named) {
    arguments.named.emplace_back(name, evaluate(*value));
  }
  if (expression.more_positional) {
    auto const more = to_sequence(evaluate(*expression.more_positional));
    arguments.positional.insert(
        arguments.positional.end(), more->items().begin(), more->items().end());
  }
  if (expression.more_named) {
    Value const more = evaluate(*expression.more_named);
    if (!more.is(Kind::dict)) {
      fail("a ", type_name(more), " can't be arguments ('**' needs a dict)");
    }
    for (auto const& [name, value] : more.as_dict().entries()) {
      if (!name.is_string()) {
        fail("a ", type_name(name), " can't be an argument's name");
      }
      arguments.named.emplace_back(name.as_string(), value);
    }
  }
  for (Value const& value : arguments.positional) {
    runtime_.add_reading(value);
  }
  return arguments;
}

Value Evaluator::call_macro(MacroDefinition const& macro,
                            std::shared_ptr<Scope> const& around,
                            Arguments const& arguments) {
  Runtime::Level const level{runtime_};
  int const line = line_;
  Inside const inside{*this, std::make_shared<Scope>(around)};
  bind_parameters(macro, arguments);
  Flow flow = Flow::normal;
  Value text = capture(macro.body, macro.hidden, flow);
  line_ = line;
  return text;
}

// Sets the parameters' names, in the macro's scope. Those that are given come first: a default may
// use any of them, while one that is not given has no value before its own default is known.
void Evaluator::bind_parameters(MacroDefinition const& macro, Arguments const& arguments) {
  std::vector<MacroDefinition::Parameter const*> missing;
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    std::string const& name = macro.parameters[i].name;
    auto const named = std::find_if(arguments.named.begin(),
                                    arguments.named.end(),
                                    [&](auto const& argument) { return argument.first == name; });
    bool const is_named = named != arguments.named.end();
    if (i < arguments.positional.size()) {
      if (is_named) {
        fail("macro '", macro.name, "': argument '", name, "' is given twice");
      }
      scope_->set(name, arguments.positional[i]);
    } else if (is_named) {
      scope_->set(name, named->second);
    } else {
      scope_->set(name, Value::undefined(concat("parameter '", name, "' was not provided")));
      missing.push_back(&macro.parameters[i]);
    }
  }
  bind_rest(macro, arguments);
  for (auto const* const parameter : missing) {
    if (parameter->otherwise) {
      scope_->set(parameter->name, evaluate(*parameter->otherwise));
    }
  }
}

// Sets `varargs`, `kwargs` and `caller` for a macro that uses them.
void Evaluator::bind_rest(MacroDefinition const& macro, Arguments const& arguments) {
  std::size_t const num_parameters = macro.parameters.size();
  std::vector<Value> positional;
  for (std::size_t i = num_parameters; i < arguments.positional.size(); ++i) {
    positional.push_back(arguments.positional[i]);
  }
  if (!positional.empty() && !macro.uses_varargs) {
    fail("macro '",
         macro.name,
         "': ",
         arguments.positional.size(),
         " arguments (takes at most ",
         num_parameters,
         ')');
  }
  auto const is_parameter = [&](std::string const& name) {
    return std::any_of(macro.parameters.begin(),
                       macro.parameters.end(),
                       [&](auto const& parameter) { return parameter.name == name; });
  };
  Value caller = Value::undefined("no caller defined");
  auto named = std::make_shared<Dict>();
  for (auto const& [name, value] : arguments.named) {
    if (is_parameter(name)) {
      continue;
    }
    if (name == "caller" && macro.uses_caller) {
      caller = value;
    } else if (macro.uses_kwargs) {
      named->set(Value{name}, value);
    } else {
      fail("macro '", macro.name, "': no parameter named '", name, '\'');
    }
  }
  if (macro.uses_varargs) {
    scope_->set("varargs", Value::tuple(std::move(positional)));
  }
  if (macro.uses_kwargs) {
    scope_->set("kwargs", Value{std::shared_ptr<Dict const>{std::move(named)}});
  }
  if (macro.uses_caller && !is_parameter("caller")) {
    scope_->set("caller", std::move(caller));
  }
}

Value Evaluator::make_macro(MacroDefinition const& macro) {
  runtime_.keep(scope_);
  return Value{std::make_shared<Macro>(*this, macro, scope_)};
}

Value Evaluator::apply_filter(Expression const& expression) {
  Value const value = evaluate(*expression.children[0]);
  Arguments const arguments = evaluate_arguments(expression, 1);
  line_ = expression.line;
  if (expression.filter == nullptr) {
    fail("no filter named '", expression.name, '\'');
  }
  runtime_.add_reading(value);
  return expression.filter(runtime_, value, arguments);
}

bool Evaluator::apply_test(Expression const& expression) {
  Value const value = evaluate(*expression.children[0]);
  Arguments const arguments = evaluate_arguments(expression, 1);
  line_ = expression.line;
  if (expression.test == nullptr) {
    fail("no test named '", expression.name, '\'');
  }
  runtime_.add_reading(value);
  return expression.test(runtime_, value, arguments);
}

}  // namespace talus::io::jinja
