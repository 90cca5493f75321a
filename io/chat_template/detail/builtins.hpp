// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/value.hpp"

/// \file
/// The names that the language itself has: filters, tests, global functions and methods of types.

namespace talus::io::jinja {

using Filter = Value (*)(Runtime&, Value const& value, Arguments const&);
using Test = bool (*)(Runtime&, Value const& value, Arguments const&);
using Method = Function::Body;

/// The function behind `value | name`, or null.
[[nodiscard]] Filter find_filter(std::string_view name) noexcept;

/// The function behind `value is name`, or null.
[[nodiscard]] Test find_test(std::string_view name) noexcept;

/// A global function, or nothing.
[[nodiscard]] std::optional<Value> find_global(std::string_view name);

/// A method of a value's type, or null.
[[nodiscard]] Method find_method(Value const& value, std::string_view name) noexcept;

/// True for a method that Python has and a template may not use, because it changes the value.
[[nodiscard]] bool is_forbidden_method(Value const& value, std::string_view name) noexcept;

/// An entry of a table of functions.
template <class FunctionType>
struct Named {
  std::string_view name;
  FunctionType function;
};

/// The function of that name in a table, or null.
template <class FunctionType, std::size_t Size>
[[nodiscard]] FunctionType find_named(Named<FunctionType> const (&table)[Size],
                                      std::string_view name) noexcept {
  for (auto const& entry : table) {
    if (entry.name == name) {
      return entry.function;
    }
  }
  return nullptr;
}

}  // namespace talus::io::jinja
