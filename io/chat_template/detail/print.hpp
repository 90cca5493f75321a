// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "io/chat_template/detail/value.hpp"

/// \file
/// How Python writes values.

namespace talus::io::jinja {

/// Python's str(): what printing gives. Nothing for an undefined value.
[[nodiscard]] std::string to_text(Value const& value);

/// Python's repr(): strings in quotes.
[[nodiscard]] std::string to_repr(Value const& value);

/// Python's ascii(): repr() with characters beyond ASCII written as escapes.
[[nodiscard]] std::string to_ascii(Value const& value);

/// The shortest digits that give back the number, with a point or an exponent.
[[nodiscard]] std::string print_float(double number);

/// Appends \xNN, \uNNNN or \UNNNNNNNN, whichever is the shortest.
void append_escape(std::string& out, char32_t code_point);

}  // namespace talus::io::jinja
