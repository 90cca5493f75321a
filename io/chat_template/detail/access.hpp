// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/value.hpp"

/// \file
/// Reaching into values.

namespace talus::io::jinja {

/// `value.name`: an attribute of the type, else an item; undefined if it has neither.
///
/// \throws Failure  if the value is undefined
[[nodiscard]] Value get_attribute(Value const& value, std::string_view name);

/// `value[key]`: an item, else an attribute of the type; undefined if it has neither.
///
/// \throws Failure  if the value is undefined
[[nodiscard]] Value get_item(Value const& value, Value const& key);

/// `value[start:stop:step]`; a bound is an integer, or none for the default.
///
/// \throws Failure  if the value can't be sliced that way
[[nodiscard]] Value get_slice(Value const& value,
                              Value const& start,
                              Value const& stop,
                              Value const& step);

/// The pieces of a text as values.
///
/// \throws Failure  if there are more than max_pieces
[[nodiscard]] std::vector<Value> to_values(std::vector<std::string_view> const& texts);

/// What a loop over the value walks: items of a sequence, keys of a dict, characters of a string,
/// nothing of an undefined value. An iterator is walked by this.
///
/// \throws Failure  if it can't be walked
[[nodiscard]] std::shared_ptr<Sequence const> to_sequence(Value const& value);

/// True for what to_sequence() takes.
[[nodiscard]] bool is_iterable(Value const& value);

/// Python's len().
///
/// \throws Failure  if the value has no length
[[nodiscard]] std::int64_t length_of(Value const& value);

/// A number that must be an integer.
///
/// \param what  whose number it is, for the error
/// \throws Failure  if it is none
[[nodiscard]] std::int64_t to_integer(Value const& value, std::string_view what);

}  // namespace talus::io::jinja
