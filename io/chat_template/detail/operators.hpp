// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

/// Python's + - * / // % ** for two values.
///
/// \throws Failure  for types that it isn't defined for, division by zero, and an integer that does
///                  not fit 64 bits
[[nodiscard]] Value apply_operator(std::string_view symbol, Value const& a, Value const& b);

/// Python's -a.
[[nodiscard]] Value negate(Value const& a);

/// Python's +a.
[[nodiscard]] Value plus(Value const& a);

}  // namespace talus::io::jinja
