// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/byte_token.hpp"

#include <charconv>

namespace talus::io::tokenizer {

std::string byte_token(unsigned char byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return {'<', '0', 'x', digits[byte / 16U], digits[byte % 16U], '>'};
}

std::optional<char> byte_of_token(std::string_view token) noexcept {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') {
    return std::nullopt;
  }
  std::string_view digits = token.substr(3, 2);
  if (digits.front() == '+') {
    digits.remove_prefix(1);
  }
  unsigned char value = 0;
  auto const [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return static_cast<char>(value);
}

}  // namespace talus::io::tokenizer
