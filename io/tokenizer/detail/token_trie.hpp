// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace talus::io::tokenizer {

/// Finds any of many strings in a text: the leftmost, of those that begin there the longest.
class TokenTrie {
 public:
  TokenTrie();

  /// Adds a string, which must not be empty, with a value >= 0; of equal strings the first counts.
  void insert(std::string_view pattern, std::int32_t value);

  struct Found {
    std::size_t begin;
    std::size_t end;
    std::int32_t value;
  };

  /// The first of the strings in `text` that begins at `from` or behind.
  [[nodiscard]] std::optional<Found> find(std::string_view text, std::size_t from) const;

 private:
  static constexpr std::int32_t none = -1;

  struct Node {
    std::int32_t value = none;
    std::vector<std::pair<char, std::int32_t>> children;  // byte and index into nodes_
  };

  [[nodiscard]] std::int32_t child(std::int32_t node, char byte) const noexcept;

  std::vector<Node> nodes_;
  std::array<bool, 256> is_first_byte_{};
};

}  // namespace talus::io::tokenizer
