// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/methods.hpp"

#include <algorithm>
#include <initializer_list>

namespace talus::io::jinja {
namespace {

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Method find_method(Value const& value, std::string_view name) noexcept {
  switch (value.kind()) {
    case Kind::string:
      for (auto const find :
           {&find_string_method, &find_string_class_method, &find_string_search_method}) {
        if (Method const method = find(name)) {
          return method;
        }
      }
      return nullptr;
    case Kind::sequence: {
      Sequence const& sequence = value.as_sequence();
      bool const has_method = sequence.is_list_or_tuple()
                                  ? name != "copy" || !sequence.is_tuple()
                                  : sequence.kind() == SequenceKind::range && name != "copy";
      return has_method ? find_sequence_method(name) : nullptr;
    }
    case Kind::dict:
      return find_dict_method(name);
    case Kind::boolean:
    case Kind::integer:
    case Kind::floating:
      return find_number_method(value, name);
    default:
      return nullptr;
  }
}

bool is_forbidden_method(Value const& value, std::string_view name) noexcept {
  // What all of Python's objects have, and nobody else would call so.
  if (is_one_of(name,
                {"__class__",
                 "__doc__",
                 "__dict__",
                 "__init__",
                 "__len__",
                 "__getitem__",
                 "__eq__",
                 "__hash__",
                 "__str__",
                 "__repr__",
                 "__dir__",
                 "__new__"})) {
    return true;
  }
  if (value.is(Kind::dict)) {
    return is_one_of(name, {"clear", "pop", "popitem", "setdefault", "update"});
  }
  if (value.is(Kind::sequence) && value.as_sequence().kind() == SequenceKind::list) {
    return is_one_of(name,
                     {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"});
  }
  return false;
}

}  // namespace talus::io::jinja
