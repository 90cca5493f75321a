// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// \file
/// What a text consists of, as Python's str.isX() says it.

namespace talus::io::jinja {

/// True if the text is not empty and each code point fulfils the predicate.
[[nodiscard]] bool all_code_points(std::string_view text, bool (*predicate)(char32_t) noexcept);

/// True if there are letters of a case, and all of them lower case.
[[nodiscard]] bool is_lower_case(std::string_view text);

/// True if there are letters of a case, and all of them capitals.
[[nodiscard]] bool is_upper_case(std::string_view text);

/// True if words start with capitals and go on with lower case, and there is a word.
[[nodiscard]] bool is_title_case(std::string_view text);

/// True for a name in Python.
[[nodiscard]] bool is_identifier(std::string_view text);

}  // namespace talus::io::jinja
