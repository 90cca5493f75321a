// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/attribute_path.hpp"
#include "io/chat_template/detail/builtins.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/operators.hpp"
#include "io/chat_template/detail/runtime.hpp"

namespace talus::io::jinja::filters {
namespace {

// The arguments behind the first `count` positional ones.
Arguments rest_of(Arguments const& arguments, std::size_t count) {
  auto const first = arguments.positional.begin() + static_cast<std::ptrdiff_t>(count);
  return {{first, arguments.positional.end()}, arguments.named};
}

std::string const& name_of(Value const& value, std::string_view what) {
  if (!value.is_string()) {
    fail(what, ": needs a name, got ", type_name(value));
  }
  return value.as_string();
}

std::function<Value(Value const&)> attribute_getter(Arguments const& arguments) {
  Parameters const parameters{arguments, "map", {"attribute", "default"}};
  return [path = AttributePath{parameters[0]}, otherwise = parameters.value_or_none(1)](
             Value const& item) { return path.get(item, otherwise); };
}

std::function<Value(Value const&)> filter_caller(Runtime& runtime, Arguments const& arguments) {
  if (arguments.positional.empty()) {
    fail("map: needs a filter's name or attribute=");
  }
  std::string const& name = name_of(arguments.positional[0], "map");
  Filter const filter = find_filter(name);
  if (filter == nullptr) {
    fail("no filter named '", name, '\'');
  }
  return [&runtime, filter, rest = rest_of(arguments, 1)](Value const& item) {
    runtime.add_reading(item);
    return filter(runtime, item, rest);
  };
}

// Which items, by a test of the item or of an attribute of it.
enum class Subject { item, attribute };

Value keep_items(
    Runtime& runtime, Value const& value, Arguments const& arguments, Subject subject, bool kept) {
  if (!is_true(value)) {
    return Value::iterator({});
  }
  std::size_t const offset = subject == Subject::attribute ? 1 : 0;
  if (arguments.positional.size() < offset) {
    fail("an attribute's name is missing");
  }
  AttributePath const path{offset == 1 ? arguments.positional[0] : Value{}};
  Test test = nullptr;
  Arguments rest;
  if (arguments.positional.size() > offset) {
    std::string const& name = name_of(arguments.positional[offset], "select");
    test = find_test(name);
    if (test == nullptr) {
      fail("no test named '", name, '\'');
    }
    rest = rest_of(arguments, offset + 1);
  }
  std::vector<Value> items;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    runtime.add_steps(1);
    Value const tested = path.get(item);
    if ((test == nullptr ? is_true(tested) : test(runtime, tested, rest)) == kept) {
      items.push_back(item);
    }
  }
  return Value::iterator(std::move(items));
}

}  // namespace

Value map(Runtime& runtime, Value const& value, Arguments const& arguments) {
  if (!is_true(value)) {
    return Value::iterator({});
  }
  bool const is_attribute =
      arguments.positional.empty() &&
      std::any_of(arguments.named.begin(), arguments.named.end(), [](auto const& argument) {
        return argument.first == "attribute";
      });
  auto const apply = is_attribute ? attribute_getter(arguments) : filter_caller(runtime, arguments);
  std::vector<Value> mapped;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    runtime.add_steps(1);
    mapped.push_back(apply(item));
    runtime.add_made(mapped.back());
  }
  return Value::iterator(std::move(mapped));
}

Value select(Runtime& runtime, Value const& value, Arguments const& arguments) {
  return keep_items(runtime, value, arguments, Subject::item, true);
}

Value reject(Runtime& runtime, Value const& value, Arguments const& arguments) {
  return keep_items(runtime, value, arguments, Subject::item, false);
}

Value selectattr(Runtime& runtime, Value const& value, Arguments const& arguments) {
  return keep_items(runtime, value, arguments, Subject::attribute, true);
}

Value rejectattr(Runtime& runtime, Value const& value, Arguments const& arguments) {
  return keep_items(runtime, value, arguments, Subject::attribute, false);
}

Value sum(Runtime& runtime, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "sum", {"attribute", "start"}};
  AttributePath const path{parameters.value_or_none(0)};
  Value total = parameters.has(1) ? parameters[1] : Value{0};
  if (total.is_string()) {
    fail("sum: start is a string (use join)");
  }
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    runtime.add_steps(1);
    total = apply_operator("+", total, path.get(item));
    runtime.add_made(total);
  }
  return total;
}

}  // namespace talus::io::jinja::filters
