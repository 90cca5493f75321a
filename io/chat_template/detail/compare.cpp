// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/compare.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/text.hpp"

namespace talus::io::jinja {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

bool is_number(Value const& value) {
  return value.is_integral() || value.is(Kind::floating);
}

// Exact: an integer need not fit a double.
std::partial_ordering order_numbers(std::int64_t a, double b) {
  if (std::isnan(b)) {
    return std::partial_ordering::unordered;
  }
  if (b >= two_to_63) {
    return std::partial_ordering::less;
  }
  if (b < -two_to_63) {
    return std::partial_ordering::greater;
  }
  double const whole = std::trunc(b);
  auto const integer = static_cast<std::int64_t>(whole);
  return a == integer ? 0.0 <=> (b - whole) : std::partial_ordering{a <=> integer};
}

std::partial_ordering order_numbers(Value const& a, Value const& b) {
  if (a.is_integral()) {
    return b.is_integral() ? std::partial_ordering{a.as_integer() <=> b.as_integer()}
                           : order_numbers(a.as_integer(), b.as_floating());
  }
  return b.is_integral() ? 0 <=> order_numbers(b.as_integer(), a.as_floating())
                         : a.as_floating() <=> b.as_floating();
}

bool equal_sequences(Sequence const& a, Sequence const& b) {
  if (&a == &b) {
    return true;
  }
  bool const is_same_type = a.kind() == b.kind() || (a.is_tuple() && b.is_tuple());
  if (!is_same_type || !a.is_indexable()) {
    return false;
  }
  return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), &equal);
}

bool equal_dicts(Dict const& a, Dict const& b) {
  if (a.entries().size() != b.entries().size()) {
    return false;
  }
  return std::all_of(a.entries().begin(), a.entries().end(), [&](Dict::Entry const& entry) {
    Value const* const other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

bool are_ordered_sequences(Value const& a, Value const& b) {
  if (!a.is(Kind::sequence) || !b.is(Kind::sequence)) {
    return false;
  }
  Sequence const& left = a.as_sequence();
  Sequence const& right = b.as_sequence();
  return left.is_list_or_tuple() && right.is_list_or_tuple() && left.is_tuple() == right.is_tuple();
}

std::partial_ordering order_sequences(Sequence const& a, Sequence const& b) {
  std::size_t const common = std::min(a.items().size(), b.items().size());
  for (std::size_t i = 0; i < common; ++i) {
    if (!equal(a.items()[i], b.items()[i])) {
      return order(a.items()[i], b.items()[i]);
    }
  }
  return a.items().size() <=> b.items().size();
}

std::size_t hash_number(Value const& value) {
  if (value.is_integral()) {
    return std::hash<std::int64_t>{}(value.as_integer());
  }
  double const number = value.as_floating();
  bool const is_whole = number >= -two_to_63 && number < two_to_63 && number == std::trunc(number);
  return is_whole ? std::hash<std::int64_t>{}(static_cast<std::int64_t>(number))
                  : std::hash<double>{}(number);
}

}  // namespace

bool equal(Value const& a, Value const& b) {
  if (is_number(a) && is_number(b)) {
    return order_numbers(a, b) == 0;
  }
  if (a.kind() != b.kind()) {
    return false;
  }
  switch (a.kind()) {
    case Kind::string:
      return a.as_string() == b.as_string();
    case Kind::sequence:
      return equal_sequences(a.as_sequence(), b.as_sequence());
    case Kind::dict:
      return equal_dicts(a.as_dict(), b.as_dict());
    case Kind::object:
      return a.as_object() == b.as_object();
    default:  // none with none, undefined with undefined
      return true;
  }
}

std::partial_ordering order(Value const& a, Value const& b) {
  if (is_number(a) && is_number(b)) {
    return order_numbers(a, b);
  }
  if (a.is_string() && b.is_string()) {
    // Bytes of UTF-8 are in the order of their code points.
    return a.as_string().compare(b.as_string()) <=> 0;
  }
  if (are_ordered_sequences(a, b)) {
    return order_sequences(a.as_sequence(), b.as_sequence());
  }
  for (Value const& value : {a, b}) {
    if (value.is_undefined()) {
      fail(value.why_undefined());
    }
  }
  fail("no order between ", type_name(a), " and ", type_name(b));
}

bool less(Value const& a, Value const& b) {
  return order(a, b) < 0;
}

bool is_hashable(Value const& value) {
  if (value.is(Kind::sequence) && value.as_sequence().is_tuple()) {
    auto const& items = value.as_sequence().items();
    return std::all_of(items.begin(), items.end(), &is_hashable);
  }
  return !value.is(Kind::dict) && !value.is(Kind::sequence);
}

std::size_t hash(Value const& value) {
  if (!is_hashable(value)) {
    fail("a ", type_name(value), " can't be a dict's key");
  }
  switch (value.kind()) {
    case Kind::string:
      return std::hash<std::string>{}(value.as_string());
    case Kind::object:
      return std::hash<std::shared_ptr<Object>>{}(value.as_object());
    case Kind::sequence: {
      std::size_t seed = 0;
      for (Value const& item : value.as_sequence().items()) {
        seed = seed * 31 + hash(item) + 1;
      }
      return seed;
    }
    case Kind::none:
    case Kind::undefined:
      return static_cast<std::size_t>(value.kind()) + 1;
    default:
      return hash_number(value);
  }
}

bool contains(Value const& container, Value const& item) {
  switch (container.kind()) {
    case Kind::undefined:
      return false;
    case Kind::string:
      if (!item.is_string()) {
        fail("'in <string>' needs a string on its left, not ", type_name(item));
      }
      return find_bytes(container.as_string(), item.as_string()) != std::string_view::npos;
    case Kind::dict:
      return container.as_dict().find(item) != nullptr;
    case Kind::sequence: {
      Sequence const& sequence = container.as_sequence();
      auto const is_item = [&](Value const& other) { return equal(other, item); };
      if (sequence.kind() == SequenceKind::iterator) {
        auto const rest = sequence.take_rest();
        return std::any_of(rest.begin(), rest.end(), is_item);
      }
      return std::any_of(sequence.items().begin(), sequence.items().end(), is_item);
    }
    default:
      fail("a ", type_name(container), " contains nothing ('in' needs a list, dict or string)");
  }
}

bool is_true(Value const& value) {
  switch (value.kind()) {
    case Kind::none:
    case Kind::undefined:
      return false;
    case Kind::boolean:
      return value.as_boolean();
    case Kind::integer:
      return value.as_integer() != 0;
    case Kind::floating:
      return value.as_floating() != 0.0;
    case Kind::string:
      return !value.as_string().empty();
    case Kind::sequence:
      return value.as_sequence().kind() == SequenceKind::iterator ||
             !value.as_sequence().items().empty();
    case Kind::dict:
      return !value.as_dict().entries().empty();
    case Kind::object:
      return true;
  }
  return true;
}

char const* type_name(Value const& value) {
  switch (value.kind()) {
    case Kind::none:
      return "None";
    case Kind::undefined:
      return "undefined value";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::floating:
      return "float";
    case Kind::string:
      return "str";
    case Kind::dict:
      return "dict";
    case Kind::object:
      return "function or object";
    case Kind::sequence:
      break;
  }
  constexpr char const* names[] = {
      "list", "tuple", "tuple", "range", "dict_keys", "dict_values", "dict_items", "iterator"};
  return names[static_cast<std::size_t>(value.as_sequence().kind())];
}

}  // namespace talus::io::jinja
