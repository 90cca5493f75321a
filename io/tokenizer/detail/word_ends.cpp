// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/word_ends.hpp"

#include <algorithm>

#include "io/tokenizer/detail/byte_token.hpp"
#include "io/tokenizer/detail/unicode.hpp"

namespace talus::io::tokenizer {

bool WordEnds::is_joined(char32_t character) const noexcept {
  return std::binary_search(joined_.begin(), joined_.end(), character);
}

void WordEnds::add_merge(std::string_view left, std::string_view right, std::string_view unknown) {
  if (left.empty() || !right.starts_with(word_begin)) {
    return;
  }
  std::size_t position = previous_position(left, left.size());
  char32_t const last = next_character(left, position);
  auto const place = std::lower_bound(joined_.begin(), joined_.end(), last);
  if (place == joined_.end() || *place != last) {
    joined_.insert(place, last);
  }
  // Such tokens stand for characters that their spelling doesn't show.
  bool const hides_character =
      (!unknown.empty() && left.ends_with(unknown)) ||
      (left.size() >= 6 && byte_of_token(left.substr(left.size() - 6)).has_value());
  cuts_ = cuts_ && !hides_character;
}

std::size_t WordEnds::first_end(std::string_view text) const noexcept {
  std::size_t end = cuts_ ? text.find(word_begin, 1) : std::string_view::npos;
  while (end != std::string_view::npos) {
    std::size_t position = previous_position(text, end);
    if (!is_joined(next_character(text, position))) {
      return end;
    }
    end = text.find(word_begin, end + word_begin.size());
  }
  return text.size();
}

}  // namespace talus::io::tokenizer
