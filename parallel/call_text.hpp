// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace talus::parallel {

/// A short name in whole words, so that it can lie in memory that processes share and be copied
/// without a lock; what is longer is cut.
template <std::size_t num_words>
class SharedText {
 public:
  static constexpr std::size_t max_size = num_words * sizeof(std::uint64_t);

  constexpr SharedText() noexcept = default;

  constexpr SharedText(char const* text) noexcept : SharedText{std::string_view{text}} {}

  constexpr SharedText(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size() && i < max_size; ++i) {
      auto const byte = static_cast<std::uint64_t>(static_cast<unsigned char>(text[i]));
      words_[i / 8] |= byte << (i % 8 * 8);
    }
  }

  [[nodiscard]] constexpr auto& words() noexcept { return words_; }

  [[nodiscard]] constexpr auto const& words() const noexcept { return words_; }

  [[nodiscard]] std::string str() const {
    std::string text;
    for (std::size_t i = 0; i < max_size; ++i) {
      auto const byte = static_cast<char>(words_[i / 8] >> (i % 8 * 8) & 0xFF);
      if (byte == '\0') {
        break;
      }
      text += byte;
    }
    return text;
  }

  friend bool operator==(SharedText const&, SharedText const&) = default;

 private:
  std::array<std::uint64_t, num_words> words_{};
};

/// The name of a call, a group or a phase: 24 characters.
using CallText = SharedText<3>;

}  // namespace talus::parallel
