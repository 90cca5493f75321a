// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace talus::io::tokenizer {

/// What a text may grow to while it is normalized or cut, and what a list of steps may have: so
/// much that no honest file comes near it, and so little that a hostile one fills no memory.
inline constexpr std::size_t max_text_bytes = std::size_t{1} << 26U;
inline constexpr std::size_t max_steps = 64;

/// \throws ConfigError  if a text of so many bytes is too long
void check_text_bytes(std::size_t bytes);

}  // namespace talus::io::tokenizer
