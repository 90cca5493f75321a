// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/byte_alphabet.hpp"

#include <array>
#include <cstddef>

#include "io/tokenizer/detail/unicode.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr bool is_visible(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

constexpr std::size_t num_characters = 0x144;  // U+0100 + 68 bytes that aren't visible

struct Alphabet {
  std::array<char32_t, 256> character_of{};
  std::array<int, num_characters> byte_of{};
};

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.byte_of.fill(-1);
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    char32_t const character = is_visible(byte) ? byte : next++;
    alphabet.character_of[byte] = character;
    alphabet.byte_of[character] = static_cast<int>(byte);
  }
  return alphabet;
}

constexpr Alphabet alphabet = make_alphabet();

}  // namespace

char32_t character_of_byte(unsigned char byte) noexcept {
  return alphabet.character_of[byte];
}

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (char const byte : bytes) {
    append_utf8(text, character_of_byte(static_cast<unsigned char>(byte)));
  }
  return text;
}

std::optional<std::string> bytes_from_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    char32_t const character = next_character(text, position);
    if (character >= num_characters || alphabet.byte_of[character] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(alphabet.byte_of[character]));
  }
  return bytes;
}

}  // namespace talus::io::tokenizer
