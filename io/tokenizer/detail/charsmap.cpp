// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/charsmap.hpp"

#include <cstddef>
#include <utility>

#include "io/tokenizer/detail/base64.hpp"
#include "io/tokenizer/detail/text_limit.hpp"
#include "io/tokenizer/detail/unicode.hpp"
#include "io/tokenizer/utf8_gate.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr std::size_t unit_bytes = 4;

std::uint32_t read_unit(std::string_view bytes) noexcept {
  std::uint32_t unit = 0;
  for (std::size_t i = unit_bytes; i-- > 0;) {
    unit = unit << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return unit;
}

bool has_value(std::uint32_t unit) noexcept {
  return (unit >> 8U & 1U) != 0;
}

std::uint32_t value_of(std::uint32_t unit) noexcept {
  return unit & 0x7FFFFFFFU;
}

/// A value's unit has a label that no byte equals.
std::uint32_t label_of(std::uint32_t unit) noexcept {
  return unit & 0x800000FFU;
}

std::uint32_t offset_of(std::uint32_t unit) noexcept {
  return (unit >> 10U) << ((unit & 0x200U) >> 6U);
}

}  // namespace

Charsmap::Charsmap(JsonField const& field) {
  JsonField const map = field.at("precompiled_charsmap");
  std::optional<std::string> const bytes = from_base64(map.string());
  if (!bytes) {
    map.refuse("must be base64");
  }
  std::size_t const size = bytes->size() < unit_bytes ? 0 : read_unit(*bytes);
  if (size < unit_bytes || size % unit_bytes != 0 || size > bytes->size() - unit_bytes) {
    map.refuse("must begin with the size of a trie that follows");
  }
  for (std::size_t i = 0; i < size; i += unit_bytes) {
    units_.push_back(read_unit(std::string_view{*bytes}.substr(unit_bytes + i)));
  }
  replacements_ = bytes->substr(unit_bytes + size);
  if (to_valid_utf8(replacements_) != replacements_) {
    map.refuse("its replacements must be UTF-8");
  }
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const noexcept {
  std::size_t node = offset_of(units_[0]);
  for (char const character : text) {
    auto const byte = static_cast<unsigned char>(character);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label_of(units_[node]) != byte) {
      return std::nullopt;
    }
    std::uint32_t const unit = units_[node];
    node ^= offset_of(unit);
    if (!has_value(unit)) {
      continue;
    }
    std::size_t const begin = node < units_.size() ? value_of(units_[node]) : replacements_.size();
    if (begin >= replacements_.size()) {
      return std::string_view{};
    }
    std::string_view const rest = std::string_view{replacements_}.substr(begin);
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

void Charsmap::append_grapheme(std::string_view grapheme, std::string& text) const {
  constexpr std::size_t max_whole_bytes = 5;
  if (grapheme.size() <= max_whole_bytes) {
    if (auto const whole = find(grapheme)) {
      text += *whole;
      return;
    }
  }
  for (std::size_t position = 0; position < grapheme.size();) {
    std::size_t const begin = position;
    (void)next_character(grapheme, position);
    std::string_view const character = grapheme.substr(begin, position - begin);
    text += find(character).value_or(character);
  }
}

void Charsmap::apply(std::string& text) const {
  std::string normalized;
  normalized.reserve(text.size());
  for (std::size_t position = 0; position < text.size();) {
    std::size_t const begin = position;
    position = grapheme_end(text, position);
    append_grapheme(std::string_view{text}.substr(begin, position - begin), normalized);
    check_text_bytes(normalized.size());
  }
  text = std::move(normalized);
}

}  // namespace talus::io::tokenizer
