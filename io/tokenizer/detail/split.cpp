// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/split.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

namespace talus::io::tokenizer {
namespace {

/// True if the part joins the word that the part before it is in.
bool joins_previous(std::span<Match const> parts, std::size_t i, SplitBehavior behavior) {
  bool const is_match = parts[i].is_match;
  bool const was_match = i > 0 && parts[i - 1].is_match;
  if (behavior == SplitBehavior::contiguous) {
    return is_match == was_match;
  }
  return behavior == SplitBehavior::merged_with_previous && is_match && !was_match;
}

void append_merged_with_next(std::span<Match const> parts, std::vector<Span>& words) {
  std::vector<Span> backwards;
  bool next_is_match = false;
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (parts[i].is_match && !next_is_match && !backwards.empty()) {
      backwards.back().begin = parts[i].span.begin;
    } else {
      backwards.push_back(parts[i].span);
    }
    next_is_match = parts[i].is_match;
  }
  std::copy_if(backwards.rbegin(), backwards.rend(), std::back_inserter(words), [](Span word) {
    return !word.is_empty();
  });
}

}  // namespace

SplitBehavior make_split_behavior(JsonField const& field) {
  std::string const& name = field.string();
  if (name == "Removed") {
    return SplitBehavior::removed;
  }
  if (name == "Isolated") {
    return SplitBehavior::isolated;
  }
  if (name == "Contiguous") {
    return SplitBehavior::contiguous;
  }
  if (name == "MergedWithPrevious") {
    return SplitBehavior::merged_with_previous;
  }
  if (name == "MergedWithNext") {
    return SplitBehavior::merged_with_next;
  }
  field.refuse(
      "unknown behavior; Removed, Isolated, Contiguous, MergedWithPrevious and MergedWithNext are "
      "supported");
}

void append_words(std::span<Match const> parts, SplitBehavior behavior, std::vector<Span>& words) {
  if (behavior == SplitBehavior::merged_with_next) {
    append_merged_with_next(parts, words);
    return;
  }
  Span word{0, 0};
  auto const end_word = [&] {
    if (!word.is_empty()) {
      words.push_back(word);
    }
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (behavior == SplitBehavior::removed && parts[i].is_match) {
      continue;
    }
    if (i > 0 && joins_previous(parts, i, behavior)) {
      word.end = parts[i].span.end;
      continue;
    }
    end_word();
    word = parts[i].span;
  }
  end_word();
}

}  // namespace talus::io::tokenizer
