// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/methods.hpp"
#include "io/chat_template/detail/print.hpp"

namespace talus::io::jinja {
namespace {

Value count(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "count", {"value"}, 1};
  std::int64_t found = 0;
  for (Value const& item : self.as_sequence().items()) {
    found += equal(item, parameters[0]) ? 1 : 0;
  }
  return Value{found};
}

Value index_of(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "index", {"value", "start", "stop"}, 1};
  auto const& items = self.as_sequence().items();
  auto const size = static_cast<std::int64_t>(items.size());
  auto const bound = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  std::int64_t const end = bound(parameters.integer(2, size));
  for (std::int64_t i = bound(parameters.integer(1, 0)); i < end; ++i) {
    if (equal(items[static_cast<std::size_t>(i)], parameters[0])) {
      return Value{i};
    }
  }
  fail("index: ", to_repr(parameters[0]), " is not in the list");
}

Value copy(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "copy", {}};
  return self;
}

Value get(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "get", {"key", "default"}, 1};
  Value const* const found = self.as_dict().find(parameters[0]);
  return found != nullptr ? *found : parameters.value_or_none(1);
}

Value make_view(SequenceKind kind, std::vector<Value> items) {
  return Value{std::make_shared<Sequence const>(kind, std::move(items))};
}

Value keys(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "keys", {}};
  return make_view(SequenceKind::keys, to_sequence(self)->items());
}

Value values(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "values", {}};
  std::vector<Value> items;
  for (auto const& entry : self.as_dict().entries()) {
    items.push_back(entry.second);
  }
  return make_view(SequenceKind::values, std::move(items));
}

Value items(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "items", {}};
  std::vector<Value> pairs;
  for (auto const& [key, value] : self.as_dict().entries()) {
    pairs.push_back(Value::tuple({key, value}));
  }
  return make_view(SequenceKind::items, std::move(pairs));
}

Value from_keys(Runtime&, Value const& /*self*/, Arguments const& arguments) {
  Parameters const parameters{arguments, "fromkeys", {"iterable", "value"}, 1};
  auto dict = std::make_shared<Dict>();
  for (auto const sequence = to_sequence(parameters[0]); Value const& key : sequence->items()) {
    dict->set(key, parameters.value_or_none(1));
  }
  return Value{std::shared_ptr<Dict const>{std::move(dict)}};
}

Value bit_length(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "bit_length", {}};
  auto const number = static_cast<std::uint64_t>(self.as_integer());
  return Value{std::bit_width(self.as_integer() < 0 ? 0 - number : number)};
}

Value is_integer(Runtime&, Value const& self, Arguments const& arguments) {
  Parameters const parameters{arguments, "is_integer", {}};
  return Value{std::isfinite(self.as_floating()) &&
               self.as_floating() == std::trunc(self.as_floating())};
}

}  // namespace

Method find_sequence_method(std::string_view name) noexcept {
  constexpr Named<Method> table[] = {{"copy", &copy}, {"count", &count}, {"index", &index_of}};
  return find_named(table, name);
}

Method find_dict_method(std::string_view name) noexcept {
  constexpr Named<Method> table[] = {{"copy", &copy},
                                     {"fromkeys", &from_keys},
                                     {"get", &get},
                                     {"items", &items},
                                     {"keys", &keys},
                                     {"values", &values}};
  return find_named(table, name);
}

Method find_number_method(Value const& number, std::string_view name) noexcept {
  if (number.is_integral()) {
    return name == "bit_length" ? &bit_length : nullptr;
  }
  return name == "is_integer" ? &is_integer : nullptr;
}

}  // namespace talus::io::jinja
