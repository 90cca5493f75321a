// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/token_trie.hpp"

namespace talus::io::tokenizer {

TokenTrie::TokenTrie() : nodes_(1) {}

std::int32_t TokenTrie::child(std::int32_t node, char byte) const noexcept {
  for (auto const& [label, index] : nodes_[static_cast<std::size_t>(node)].children) {
    if (label == byte) {
      return index;
    }
  }
  return none;
}

void TokenTrie::insert(std::string_view pattern, std::int32_t value) {
  is_first_byte_[static_cast<unsigned char>(pattern.front())] = true;
  std::int32_t node = 0;
  for (char const byte : pattern) {
    std::int32_t next = child(node, byte);
    if (next == none) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_[static_cast<std::size_t>(node)].children.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    node = next;
  }
  std::int32_t& held = nodes_[static_cast<std::size_t>(node)].value;
  held = held == none ? value : held;
}

std::optional<TokenTrie::Found> TokenTrie::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!is_first_byte_[static_cast<unsigned char>(text[begin])]) {
      continue;
    }
    Found longest{begin, begin, none};
    std::int32_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      node = child(node, text[i]);
      if (node == none) {
        break;
      }
      std::int32_t const value = nodes_[static_cast<std::size_t>(node)].value;
      longest = value == none ? longest : Found{begin, i + 1, value};
    }
    if (longest.value != none) {
      return longest;
    }
  }
  return std::nullopt;
}

}  // namespace talus::io::tokenizer
