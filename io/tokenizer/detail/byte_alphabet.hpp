// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

/// \file
/// GPT-2's alphabet: one visible character for each byte, so that a vocabulary can be written down
/// as text though its tokens are bytes. Visible Latin-1 characters stand for themselves, the other
/// bytes in turn for U+0100, U+0101, ...
/// Reference: github.com/openai/gpt-2, src/encoder.py, bytes_to_unicode.

namespace talus::io::tokenizer {

/// The character that stands for a byte.
[[nodiscard]] char32_t character_of_byte(unsigned char byte) noexcept;

/// Each byte by its character.
[[nodiscard]] std::string bytes_to_alphabet(std::string_view bytes);

/// The bytes that `text` stands for; nothing if it has a character outside the alphabet.
[[nodiscard]] std::optional<std::string> bytes_from_alphabet(std::string_view text);

}  // namespace talus::io::tokenizer
