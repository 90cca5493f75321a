// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/unicode.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <oniguruma.h>
#include <utf8proc.h>

#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

utf8proc_category_t category(char32_t character) noexcept {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool is_between(utf8proc_category_t value,
                utf8proc_category_t first,
                utf8proc_category_t last) noexcept {
  return value >= first && value <= last;
}

/// True if every character lies below U+0300: such a text is in form C and has no marks.
bool is_composed_latin(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return static_cast<unsigned char>(character) < 0xCC;  // U+0300 begins with byte 0xCC
  });
}

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char character) {
    return static_cast<unsigned char>(character) < 0x80;
  });
}

int options_of(NormalForm form) noexcept {
  switch (form) {
    case NormalForm::nfc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    case NormalForm::nfd:
      return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
    case NormalForm::nfkc:
      return UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT;
    case NormalForm::nfkd:
      break;
  }
  return UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT;
}

}  // namespace

char32_t next_character(std::string_view text, std::size_t& position) noexcept {
  auto const byte = [&](std::size_t offset) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[position + offset]));
  };
  char32_t const first = byte(0);
  if (first < 0x80) {
    position += 1;
    return first;
  }
  if (first < 0xE0) {
    char32_t const character = (first & 0x1FU) << 6U | (byte(1) & 0x3FU);
    position += 2;
    return character;
  }
  if (first < 0xF0) {
    char32_t const character = (first & 0xFU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
    position += 3;
    return character;
  }
  char32_t const character = (first & 0x7U) << 18U | (byte(1) & 0x3FU) << 12U |
                             (byte(2) & 0x3FU) << 6U | (byte(3) & 0x3FU);
  position += 4;
  return character;
}

std::size_t previous_position(std::string_view text, std::size_t end) noexcept {
  do {
    --end;
  } while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
  return end;
}

void append_utf8(std::string& text, char32_t character) {
  utf8proc_uint8_t bytes[4];
  auto const length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  text.append(bytes, bytes + length);
}

bool is_whitespace(char32_t character) noexcept {
  if (character < 0x80) {
    return character == ' ' || (character >= '\t' && character <= '\r');
  }
  return character == 0x85 || character == 0xA0 || character == 0x1680 ||
         (character >= 0x2000 && character <= 0x200A) || character == 0x2028 ||
         character == 0x2029 || character == 0x202F || character == 0x205F || character == 0x3000;
}

bool is_numeric(char32_t character) noexcept {
  return is_between(category(character), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool is_punctuation(char32_t character) noexcept {
  if (character < 0x80) {
    return character > ' ' && character < 0x7F && !(character >= '0' && character <= '9') &&
           !(character >= 'A' && character <= 'Z') && !(character >= 'a' && character <= 'z');
  }
  // U+166D was one when the table that tokenizers uses was made.
  return character == 0x166D ||
         is_between(category(character), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
}

bool is_mark(char32_t character) noexcept {
  return is_between(category(character), UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME);
}

bool is_word_character(char32_t character) noexcept {
  utf8proc_category_t const kind = category(character);
  if (is_between(kind, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_ND) ||
      kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_PC) {
    return true;
  }
  // utf8proc lacks Alphabetic, which has the circled letters besides.
  return character == 0x200C || character == 0x200D ||
         ONIGENC_IS_CODE_ALPHA(ONIG_ENCODING_UTF8, static_cast<OnigCodePoint>(character));
}

std::size_t grapheme_end(std::string_view text, std::size_t begin) noexcept {
  std::size_t end = begin;
  char32_t left = next_character(text, end);
  utf8proc_int32_t state = 0;
  while (end < text.size()) {
    std::size_t next = end;
    char32_t const right = next_character(text, next);
    bool const both_ascii = left < 0x80 && right < 0x80;
    bool const breaks = both_ascii
                            ? left != '\r' || right != '\n'
                            : utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(left),
                                                               static_cast<utf8proc_int32_t>(right),
                                                               &state);
    if (breaks) {
      break;
    }
    end = next;
    left = right;
  }
  return end;
}

std::string to_lower(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    char32_t const character = next_character(text, position);
    if (character == 0x130) {
      lower += "i\xCC\x87";  // the only character with two in lower case: i and a dot above
      continue;
    }
    auto const code = static_cast<utf8proc_int32_t>(character);
    append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(code)));
  }
  return lower;
}

std::string normalize(std::string_view text, NormalForm form) {
  if (is_ascii(text) || (form == NormalForm::nfc && is_composed_latin(text))) {
    return std::string{text};
  }
  utf8proc_uint8_t* mapped = nullptr;
  auto const length = utf8proc_map(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()),
                                   &mapped,
                                   static_cast<utf8proc_option_t>(options_of(form)));
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> const owner{mapped, &std::free};
  if (length < 0) {
    throw ApiError{concat("utf8proc_map: ", utf8proc_errmsg(length)),
                   static_cast<int>(length),
                   SourceLocation::current()};
  }
  return {mapped, mapped + length};
}

}  // namespace talus::io::tokenizer
