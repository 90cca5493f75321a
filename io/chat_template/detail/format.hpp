// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/value.hpp"

/// \file
/// Python's ways to write values in a given form.

namespace talus::io::jinja {

/// How a value is laid out.
struct Layout {
  char32_t fill = ' ';
  char align = '\0';  ///< < left, > right, ^ in the middle, = after the sign; or 0 for the default
  char sign = '-';    ///< - only of negative numbers, + of all, a blank for others
  bool is_alternate = false;
  std::size_t width = 0;  ///< code points, at least
  char grouping = '\0';   ///< between thousands: comma or underscore
  int precision = -1;     ///< or -1 for the default
  char type = '\0';       ///< the presentation's letter
};

/// `text % values`.
///
/// \throws Failure  if the text and the values don't fit together
[[nodiscard]] std::string format_percent(std::string_view text, Value const& values);

/// `text.format(arguments)`.
///
/// \throws Failure  if the text and the arguments don't fit together
[[nodiscard]] std::string format_braces(std::string_view text, Arguments const& arguments);

/// Writes a value by a format specification, what is behind the colon in braces.
///
/// \throws Failure  if it isn't one, or not for the value's type
[[nodiscard]] std::string format_value(Value const& value, std::string_view specification);

/// Writes an integer with the layout's base (type b, o, x, X, d or none), without filling it.
[[nodiscard]] std::string format_integer(std::int64_t number, Layout const& layout);

/// Writes a number with the layout's type (e, f, g, %, their capitals or none), without filling it.
///
/// \throws Failure  for a precision beyond 1000 digits
[[nodiscard]] std::string format_float(double number, Layout const& layout);

/// Fills a text to the layout's width. With '=' the fill goes behind a sign and a base's prefix.
///
/// \throws Failure  if it gets larger than a value may be
[[nodiscard]] std::string pad(std::string const& text, Layout const& layout, char default_align);

}  // namespace talus::io::jinja
