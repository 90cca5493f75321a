// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace talus::io::detail {

/// What stands at a place of a text that is meant to be UTF-8.
struct Utf8Step {
  std::size_t num_bytes = 0;  ///< of the character; if it is none, of what one U+FFFD replaces
  bool is_character = false;
};

/// Looks at the text from `at` on.
/// \pre  at < text.size()
/// Reference: The Unicode Standard 15.0, table 3-7, and "substitution of maximal subparts".
[[nodiscard]] Utf8Step utf8_step(std::string_view text, std::size_t at) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// The text with U+FFFD for what is not UTF-8.
[[nodiscard]] std::string to_utf8(std::string_view text);

/// Characters (code points) of a text; what is not UTF-8 counts as the U+FFFD that replace it.
[[nodiscard]] std::size_t num_characters(std::string_view text) noexcept;

}  // namespace talus::io::detail
