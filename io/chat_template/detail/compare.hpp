// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>

#include "io/chat_template/detail/value.hpp"

/// \file
/// Comparing values as Python does: numbers by value whatever their type, other types only with
/// their own.

namespace talus::io::jinja {

/// Python's ==.
[[nodiscard]] bool equal(Value const& a, Value const& b);

/// Python's <, > and so on.
///
/// \throws Failure  if Python has no order for the two, as for 1 < 'a'
[[nodiscard]] std::partial_ordering order(Value const& a, Value const& b);

/// order() for a sort: values without an order (NaN) count as equal.
[[nodiscard]] bool less(Value const& a, Value const& b);

/// Equal for values that are equal.
///
/// \throws Failure  if Python can't hash it: a list, a dict
[[nodiscard]] std::size_t hash(Value const& value);

/// True for what hash() takes.
[[nodiscard]] bool is_hashable(Value const& value);

/// Python's `item in container`.
///
/// \throws Failure  if there is no such question for the container's type
[[nodiscard]] bool contains(Value const& container, Value const& item);

/// Python's truth of a value.
[[nodiscard]] bool is_true(Value const& value);

/// The type's name in an error.
[[nodiscard]] char const* type_name(Value const& value);

}  // namespace talus::io::jinja
