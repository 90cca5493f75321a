// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// \file
/// Characters and their properties. Every text here is valid UTF-8.

namespace talus::io::tokenizer {

/// Reads the character at byte `position` and moves `position` behind it.
[[nodiscard]] char32_t next_character(std::string_view text, std::size_t& position) noexcept;

/// The position of the character that ends at byte `end`; `end` > 0.
[[nodiscard]] std::size_t previous_position(std::string_view text, std::size_t end) noexcept;

/// Appends a character as UTF-8.
void append_utf8(std::string& text, char32_t character);

/// The White_Space property.
[[nodiscard]] bool is_whitespace(char32_t character) noexcept;

/// General categories Nd, Nl and No.
[[nodiscard]] bool is_numeric(char32_t character) noexcept;

/// General categories P*, and ASCII's signs among S*.
[[nodiscard]] bool is_punctuation(char32_t character) noexcept;

/// General categories M*.
[[nodiscard]] bool is_mark(char32_t character) noexcept;

/// Letters and what counts as one, marks, decimal digits, connectors, joiners: what \w means in
/// Unicode's technical standard 18, annex C.
[[nodiscard]] bool is_word_character(char32_t character) noexcept;

/// Where the extended grapheme cluster that begins at byte `begin` ends.
[[nodiscard]] std::size_t grapheme_end(std::string_view text, std::size_t begin) noexcept;

/// Each character's own lower case, whatever stands around it.
[[nodiscard]] std::string to_lower(std::string_view text);

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// The text in a normal form of Unicode.
[[nodiscard]] std::string normalize(std::string_view text, NormalForm form);

}  // namespace talus::io::tokenizer
