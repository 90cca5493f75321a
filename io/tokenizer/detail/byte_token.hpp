// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talus::io::tokenizer {

/// How byte fallback spells the token of a byte: <0x0A>.
[[nodiscard]] std::string byte_token(unsigned char byte);

/// The byte that a token is, as a decoder reads it: digits in either case, and a plus sign may
/// stand in place of the first.
[[nodiscard]] std::optional<char> byte_of_token(std::string_view token) noexcept;

}  // namespace talus::io::tokenizer
