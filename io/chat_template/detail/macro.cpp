// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/macro.hpp"

#include <vector>

#include "io/chat_template/detail/print.hpp"

namespace talus::io::jinja {

std::string Macro::repr() const {
  return concat("<Macro ", macro_.name.empty() ? "anonymous" : to_repr(Value{macro_.name}), '>');
}

std::optional<Value> Macro::attribute(std::string_view name) {
  if (name == "name") {
    return macro_.name.empty() ? Value{} : Value{macro_.name};
  }
  if (name == "arguments") {
    std::vector<Value> names;
    for (auto const& parameter : macro_.parameters) {
      names.emplace_back(parameter.name);
    }
    return Value::tuple(std::move(names));
  }
  if (name == "catch_varargs") {
    return Value{macro_.uses_varargs};
  }
  if (name == "catch_kwargs") {
    return Value{macro_.uses_kwargs};
  }
  if (name == "caller") {
    return Value{macro_.uses_caller};
  }
  return std::nullopt;
}

Value Macro::call(Runtime& /*runtime*/, Arguments const& arguments) {
  return evaluator_.call_macro(macro_, around_, arguments);
}

}  // namespace talus::io::jinja
