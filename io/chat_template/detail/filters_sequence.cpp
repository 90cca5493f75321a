// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/attribute_path.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"

namespace talus::io::jinja::filters {
namespace {

std::size_t require_count(Parameters const& parameters, std::string_view filter) {
  std::int64_t const count = parameters.integer(0);
  constexpr std::int64_t max_count = 1'000'000;
  if (count <= 0 || count > max_count) {
    fail(filter, ": ", count, " (must be between 1 and ", max_count, ')');
  }
  return static_cast<std::size_t>(count);
}

}  // namespace

Value attr(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "attr", {"name"}, 1};
  std::string const& name = parameters.text(0);
  // An attribute of the type and never an item, unlike `value.name`.
  if (value.is(Kind::dict) && value.as_dict().find_text(name) != nullptr) {
    Value const without_items = Value{std::make_shared<Dict const>()};
    return get_attribute(without_items, name);
  }
  return get_attribute(value, name);
}

Value batch(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "batch", {"linecount", "fill_with"}, 1};
  std::size_t const size = require_count(parameters, "batch");
  std::vector<Value> batches;
  std::vector<Value> current;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    if (current.size() == size) {
      batches.push_back(Value::list(std::exchange(current, {})));
    }
    current.push_back(item);
  }
  if (!current.empty()) {
    while (parameters.has_value(1) && current.size() < size) {
      current.push_back(parameters[1]);
    }
    batches.push_back(Value::list(std::move(current)));
  }
  return Value::iterator(std::move(batches));
}

Value slice(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "slice", {"slices", "fill_with"}, 1};
  std::size_t const num_slices = require_count(parameters, "slice");
  auto const sequence = to_sequence(value);
  std::size_t const size = sequence->items().size() / num_slices;
  std::size_t const num_longer = sequence->items().size() % num_slices;
  std::vector<Value> slices;
  auto at = sequence->items().begin();
  for (std::size_t i = 0; i < num_slices; ++i) {
    auto const end = at + static_cast<std::ptrdiff_t>(size + (i < num_longer ? 1 : 0));
    std::vector<Value> part{at, end};
    if (i >= num_longer && parameters.has_value(1)) {
      part.push_back(parameters[1]);
    }
    slices.push_back(Value::list(std::move(part)));
    at = end;
  }
  return Value::iterator(std::move(slices));
}

Value defaults(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "default", {"default_value", "boolean"}};
  bool const is_missing = value.is_undefined() || (parameters.is_true(1) && !is_true(value));
  if (!is_missing) {
    return value;
  }
  return parameters.has(0) ? parameters[0] : Value{""};
}

Value first(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "first", {}};
  auto const sequence = to_sequence(value);
  return sequence->items().empty() ? Value::undefined("no first item, the sequence was empty")
                                   : sequence->items().front();
}

Value last(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "last", {}};
  if (value.is(Kind::sequence) && value.as_sequence().kind() == SequenceKind::iterator) {
    fail("last: an iterator can't be read backwards");
  }
  auto const sequence = to_sequence(value);
  return sequence->items().empty() ? Value::undefined("no last item, the sequence was empty")
                                   : sequence->items().back();
}

Value items(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "items", {}};
  std::vector<Value> pairs;
  if (!value.is_undefined()) {
    if (!value.is(Kind::dict)) {
      fail("items: needs a dict, got ", type_name(value));
    }
    for (auto const& [key, entry] : value.as_dict().entries()) {
      pairs.push_back(Value::tuple({key, entry}));
    }
  }
  return Value::iterator(std::move(pairs));
}

Value join(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "join", {"d", "attribute"}};
  std::string const separator = parameters.has(0) ? to_text(parameters[0]) : std::string{};
  AttributePath const path{parameters.value_or_none(1)};
  std::string out;
  bool is_first = true;
  for (auto const sequence = to_sequence(value); Value const& item : sequence->items()) {
    out += is_first ? "" : separator;
    out += to_text(path.get(item));
    is_first = false;
    if (out.size() > max_value_bytes) {
      fail("join: the result is larger than ", max_value_bytes, " bytes");
    }
  }
  return Value{std::move(out)};
}

Value length(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "length", {}};
  return Value{length_of(value)};
}

Value list(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "list", {}};
  return Value::list(to_sequence(value)->items());
}

Value reverse(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "reverse", {}};
  if (value.is_string()) {
    return get_slice(value, {}, {}, Value{-1});
  }
  auto const sequence = to_sequence(value);
  std::vector<Value> reversed{sequence->items().rbegin(), sequence->items().rend()};
  bool const is_iterator =
      value.is(Kind::sequence) && value.as_sequence().kind() == SequenceKind::iterator;
  return is_iterator ? Value::list(std::move(reversed)) : Value::iterator(std::move(reversed));
}

}  // namespace talus::io::jinja::filters
