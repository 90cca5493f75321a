// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// \file
/// UTF-8 by code points, and what Unicode says about them, as Python's str does it. Texts are valid
/// UTF-8, except where noted.

namespace talus::io::jinja {

/// True if the bytes are UTF-8 without surrogates.
[[nodiscard]] bool is_valid_utf8(std::string_view bytes);

[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;

/// Bytes of the first `count` code points, or of the whole text if it has fewer.
[[nodiscard]] std::size_t offset_of(std::string_view text, std::size_t count) noexcept;

/// The code point at the start of a text, which is cut off the text.
///
/// \pre the text is not empty
char32_t take_code_point(std::string_view& text) noexcept;

/// The code point at the end of a text.
///
/// \pre the text is not empty
[[nodiscard]] char32_t last_code_point(std::string_view text) noexcept;

void append_code_point(std::string& text, char32_t code_point);
[[nodiscard]] std::string to_utf8(char32_t code_point);

[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string case_fold(std::string_view text);

/// First letter of each word in title case, the others in lower case; a word is a run of letters.
[[nodiscard]] std::string to_title(std::string_view text);

/// First character in title case, the others in lower case.
[[nodiscard]] std::string capitalize(std::string_view text);

[[nodiscard]] std::string swap_case(std::string_view text);

[[nodiscard]] bool is_space(char32_t code_point) noexcept;
[[nodiscard]] bool is_alpha(char32_t code_point) noexcept;
[[nodiscard]] bool is_decimal(char32_t code_point) noexcept;
[[nodiscard]] bool is_digit(char32_t code_point) noexcept;
[[nodiscard]] bool is_numeric(char32_t code_point) noexcept;
[[nodiscard]] bool is_lower(char32_t code_point) noexcept;
[[nodiscard]] bool is_upper(char32_t code_point) noexcept;
[[nodiscard]] bool is_title(char32_t code_point) noexcept;
[[nodiscard]] bool is_printable(char32_t code_point) noexcept;
[[nodiscard]] bool is_identifier_start(char32_t code_point) noexcept;
[[nodiscard]] bool is_identifier_part(char32_t code_point) noexcept;

/// The value of a decimal digit of any script.
///
/// \pre is_decimal(code_point)
[[nodiscard]] int decimal_value(char32_t code_point) noexcept;

}  // namespace talus::io::jinja
