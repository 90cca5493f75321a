// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/builtins.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/operators.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/string_class.hpp"

namespace talus::io::jinja {
namespace {

template <Kind kind>
bool is_kind(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "test", {}};
  return value.is(kind);
}

template <bool truth>
bool is_boolean_of(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "test", {}};
  return value.is(Kind::boolean) && value.as_boolean() == truth;
}

bool is_defined(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "defined", {}};
  return !value.is_undefined();
}

bool has_remainder(Value const& value, Value const& divisor, std::int64_t remainder) {
  return equal(apply_operator("%", value, divisor), Value{remainder});
}

bool is_odd(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "odd", {}};
  return has_remainder(value, Value{2}, 1);
}

bool is_even(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "even", {}};
  return has_remainder(value, Value{2}, 0);
}

bool is_divisible_by(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "divisibleby", {"num"}, 1};
  return has_remainder(value, parameters[0], 0);
}

bool is_number(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "number", {}};
  return value.is_integral() || value.is(Kind::floating);
}

bool is_sequence(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "sequence", {}};
  bool const is_indexable = value.is(Kind::sequence) && value.as_sequence().is_indexable();
  return is_indexable || value.is_string() || value.is(Kind::dict) || value.is_undefined();
}

bool is_iterable_value(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "iterable", {}};
  return is_iterable(value);
}

bool is_callable(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "callable", {}};
  // An undefined value can be called, to its error.
  return value.is_undefined() || (value.is(Kind::object) && value.as_object()->is_callable());
}

bool is_escaped(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "escaped", {}};
  return value.is_string() && value.as_text().is_safe;
}

bool is_lower_text(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "lower", {}};
  return is_lower_case(to_text(value));
}

bool is_upper_text(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "upper", {}};
  return is_upper_case(to_text(value));
}

bool is_same(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "sameas", {"other"}, 1};
  return value.same_as(parameters[0]);
}

bool is_in(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "in", {"seq"}, 1};
  return contains(parameters[0], value);
}

bool is_filter(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "filter", {}};
  static_cast<void>(hash(value));  // an error for a list or a dict, which can't be a name
  return value.is_string() && find_filter(value.as_string()) != nullptr;
}

bool is_test(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "test", {}};
  static_cast<void>(hash(value));
  return value.is_string() && find_test(value.as_string()) != nullptr;
}

bool is_equal(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "eq", {"other"}, 1};
  return equal(value, parameters[0]);
}

bool is_not_equal(Runtime& runtime, Value const& value, Arguments const& arguments) {
  return !is_equal(runtime, value, arguments);
}

bool is_less(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "lt", {"other"}, 1};
  return order(value, parameters[0]) < 0;
}

bool is_greater(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "gt", {"other"}, 1};
  return order(value, parameters[0]) > 0;
}

bool is_at_most(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "le", {"other"}, 1};
  return order(value, parameters[0]) <= 0;
}

bool is_at_least(Runtime&, Value const& value, Arguments const& arguments) {
  Parameters const parameters{arguments, "ge", {"other"}, 1};
  return order(value, parameters[0]) >= 0;
}

}  // namespace

Test find_test(std::string_view name) noexcept {
  constexpr Named<Test> table[] = {
      {"!=", &is_not_equal},
      {"<", &is_less},
      {"<=", &is_at_most},
      {"==", &is_equal},
      {">", &is_greater},
      {">=", &is_at_least},
      {"boolean", &is_kind<Kind::boolean>},
      {"callable", &is_callable},
      {"defined", &is_defined},
      {"divisibleby", &is_divisible_by},
      {"eq", &is_equal},
      {"equalto", &is_equal},
      {"escaped", &is_escaped},
      {"even", &is_even},
      {"false", &is_boolean_of<false>},
      {"filter", &is_filter},
      {"float", &is_kind<Kind::floating>},
      {"ge", &is_at_least},
      {"greaterthan", &is_greater},
      {"gt", &is_greater},
      {"in", &is_in},
      {"integer", &is_kind<Kind::integer>},
      {"iterable", &is_iterable_value},
      {"le", &is_at_most},
      {"lessthan", &is_less},
      {"lower", &is_lower_text},
      {"lt", &is_less},
      {"mapping", &is_kind<Kind::dict>},
      {"ne", &is_not_equal},
      {"none", &is_kind<Kind::none>},
      {"number", &is_number},
      {"odd", &is_odd},
      {"sameas", &is_same},
      {"sequence", &is_sequence},
      {"string", &is_kind<Kind::string>},
      {"test", &is_test},
      {"true", &is_boolean_of<true>},
      {"undefined", &is_kind<Kind::undefined>},
      {"upper", &is_upper_text},
  };
  return find_named(table, name);
}

}  // namespace talus::io::jinja
