// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/utf8_gate.hpp"

#include <cstddef>

namespace talus::io::tokenizer {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

std::size_t ascii_run(std::string_view bytes) noexcept {
  std::size_t length = 0;
  while (length < bytes.size() && static_cast<unsigned char>(bytes[length]) < 0x80) {
    ++length;
  }
  return length;
}

}  // namespace

void Utf8Gate::begin(unsigned char byte, std::string& text) {
  low_ = 0x80;
  high_ = 0xBF;
  if (byte < 0x80) {
    text.push_back(static_cast<char>(byte));
    return;
  }
  if (byte < 0xC2 || byte > 0xF4) {
    text += replacement_character;
    return;
  }
  // The second byte's range excludes overlong forms, surrogates and what lies past U+10FFFF.
  if (byte == 0xE0) {
    low_ = 0xA0;
  } else if (byte == 0xED) {
    high_ = 0x9F;
  } else if (byte == 0xF0) {
    low_ = 0x90;
  } else if (byte == 0xF4) {
    high_ = 0x8F;
  }
  num_missing_ = static_cast<std::int8_t>(byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3);
  held_[0] = static_cast<char>(byte);
  num_held_ = 1;
}

void Utf8Gate::push(std::string_view bytes, std::string& text) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (num_held_ == 0) {
      std::size_t const run = ascii_run(bytes.substr(i));
      text.append(bytes, i, run);
      i += run;
      if (i == bytes.size()) {
        return;
      }
    }
    char const character = bytes[i];
    auto const byte = static_cast<unsigned char>(character);
    if (num_held_ == 0) {
      begin(byte, text);
      continue;
    }
    if (byte < low_ || byte > high_) {
      finish(text);
      begin(byte, text);
      continue;
    }
    low_ = 0x80;
    high_ = 0xBF;
    held_[num_held_++] = character;
    if (--num_missing_ == 0) {
      text.append(held_, static_cast<std::size_t>(num_held_));
      num_held_ = 0;
    }
  }
}

void Utf8Gate::finish(std::string& text) {
  if (num_held_ > 0) {
    text += replacement_character;
  }
  num_held_ = 0;
  num_missing_ = 0;
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  Utf8Gate gate;
  gate.push(bytes, text);
  gate.finish(text);
  return text;
}

}  // namespace talus::io::tokenizer
