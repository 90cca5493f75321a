// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace talus::io::tokenizer {

/// Lets whole UTF-8 characters through and keeps the beginning of one until the rest comes.
///
/// What can't be part of a character becomes U+FFFD, one for each longest run of bytes that begins
/// a character (the Unicode standard's "maximal subparts", section 3.9).
class Utf8Gate {
 public:
  /// Appends to `text` what `bytes` complete.
  void push(std::string_view bytes, std::string& text);

  /// Appends U+FFFD for a character that was begun and forgets it.
  void finish(std::string& text);

 private:
  void begin(unsigned char byte, std::string& text);

  char held_[4] = {};
  std::int8_t num_held_ = 0;
  std::int8_t num_missing_ = 0;
  unsigned char low_ = 0x80;  // the next byte's range
  unsigned char high_ = 0xBF;
};

/// `bytes` as UTF-8, with U+FFFD for what is not.
[[nodiscard]] std::string to_valid_utf8(std::string_view bytes);

}  // namespace talus::io::tokenizer
