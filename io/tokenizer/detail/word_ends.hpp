// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace talus::io::tokenizer {

/// Where a long text can be cut before it is merged, without a change in what comes out: in front
/// of a character that begins words, where no merge joins what stands before it with what it
/// begins.
class WordEnds {
 public:
  /// The character that SentencePiece puts before words, U+2581.
  static constexpr std::string_view word_begin = "\xE2\x96\x81";

  /// Cuts from now on; each merge must be told. Before, a text is left whole.
  void allow() noexcept { cuts_ = true; }

  /// Takes a merge into account. `unknown` is how an unknown character's token is spelled.
  void add_merge(std::string_view left, std::string_view right, std::string_view unknown);

  /// The end of the first part of `text`, which isn't empty.
  [[nodiscard]] std::size_t first_end(std::string_view text) const noexcept;

 private:
  [[nodiscard]] bool is_joined(char32_t character) const noexcept;

  bool cuts_ = false;
  std::vector<char32_t> joined_;  // characters that merge with what follows; sorted
};

}  // namespace talus::io::tokenizer
