// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "io/chat_template/detail/parser.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::jinja {

Target Parser::parse_target(Attributes attributes) {
  return parse_target_tuple(attributes, {});
}

// One target, or several with commas between; `end` is a name that ends them.
Target Parser::parse_target_tuple(Attributes attributes, std::string_view end) {
  Nesting const nesting{*this};
  if (is_tuple_end(end)) {
    error(current().line, concat("expected a name to assign to, got ", describe_current()));
  }
  Target first = parse_set_target(attributes);
  if (!current().is_symbol(",")) {
    return first;
  }
  Target tuple;
  tuple.is_tuple = true;
  tuple.items.push_back(std::move(first));
  while (skip_symbol(",") && !is_tuple_end(end)) {
    tuple.items.push_back(parse_set_target(attributes));
  }
  return tuple;
}

// What a loop or a {% set %} assigns to. A loop's own name is only for the engine to set.
Target Parser::parse_set_target(Attributes attributes) {
  int const line = current().line;
  Target target = parse_single_target(attributes);
  if (num_loops_anywhere_ > 0 && target.name == "loop" && target.attribute.empty()) {
    error(line, "can't assign to 'loop' in a loop");
  }
  return target;
}

Target Parser::parse_single_target(Attributes attributes) {
  if (current().is_symbol("(")) {
    take();
    Target target = parse_target_tuple(attributes, {});
    expect_symbol(")");
    return target;
  }
  int const line = current().line;
  Target target;
  target.name = take_name("a name to assign to");
  for (std::string_view const constant : {"true", "false", "none", "True", "False", "None"}) {
    if (target.name == constant) {
      error(line, concat("can't assign to '", constant, '\''));
    }
  }
  if (attributes == Attributes::allowed && skip_symbol(".")) {
    target.attribute = take_name("an attribute's name");
  }
  return target;
}

}  // namespace talus::io::jinja
