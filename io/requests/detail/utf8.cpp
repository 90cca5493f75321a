// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/utf8.hpp"

#include <cstdint>

namespace talus::io::detail {
namespace {

// The bytes that may follow a lead byte: how many, and the range of the first of them.
struct Tail {
  std::size_t num_bytes;
  std::uint8_t low;
  std::uint8_t high;
};

Tail tail_of(std::uint8_t lead) noexcept {
  if (lead >= 0xC2 && lead <= 0xDF) {
    return {1, 0x80, 0xBF};
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    return {2,
            static_cast<std::uint8_t>(lead == 0xE0 ? 0xA0 : 0x80),
            static_cast<std::uint8_t>(lead == 0xED ? 0x9F : 0xBF)};
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    return {3,
            static_cast<std::uint8_t>(lead == 0xF0 ? 0x90 : 0x80),
            static_cast<std::uint8_t>(lead == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

}  // namespace

Utf8Step utf8_step(std::string_view text, std::size_t at) noexcept {
  auto const lead = static_cast<std::uint8_t>(text[at]);
  if (lead < 0x80) {
    return {1, true};
  }
  auto [missing, low, high] = tail_of(lead);
  if (missing == 0) {
    return {1, false};
  }
  std::size_t num_bytes = 1;
  for (; missing > 0 && at + num_bytes < text.size(); --missing, ++num_bytes) {
    auto const next = static_cast<std::uint8_t>(text[at + num_bytes]);
    if (next < low || next > high) {
      break;
    }
    low = 0x80;
    high = 0xBF;
  }
  return {num_bytes, missing == 0};
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    auto const step = utf8_step(text, at);
    if (!step.is_character) {
      return false;
    }
    at += step.num_bytes;
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    auto const step = utf8_step(text, at);
    valid += step.is_character ? text.substr(at, step.num_bytes) : "\xEF\xBF\xBD";
    at += step.num_bytes;
  }
  return valid;
}

std::size_t num_characters(std::string_view text) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    at += utf8_step(text, at).num_bytes;
  }
  return count;
}

}  // namespace talus::io::detail
