// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace talus::io::jinja {

/// Python's int(text, base): white space around, a sign, a prefix that fits the base, underscores
/// between digits, digits of any script.
///
/// \param base  2 to 36, or 0 to go by the prefix
/// \return      nothing if it is no integer
/// \throws Failure  if it doesn't fit 64 bits, or for another base
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t base);

/// Python's float(text); nothing if it is no number.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);

}  // namespace talus::io::jinja
