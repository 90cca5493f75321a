// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/added_vocabulary.hpp"

#include <algorithm>
#include <utility>

#include "io/tokenizer/detail/unicode.hpp"

namespace talus::io::tokenizer {
namespace {

bool ends_with_word(std::string_view text) {
  if (text.empty()) {
    return false;
  }
  std::size_t position = previous_position(text, text.size());
  return is_word_character(next_character(text, position));
}

bool begins_with_word(std::string_view text) {
  std::size_t position = 0;
  return !text.empty() && is_word_character(next_character(text, position));
}

/// Where the whitespace before `end` begins.
std::size_t skip_whitespace_back(std::string_view text, std::size_t end) {
  while (end > 0) {
    std::size_t const last = previous_position(text, end);
    std::size_t position = last;
    if (!is_whitespace(next_character(text, position))) {
      break;
    }
    end = last;
  }
  return end;
}

/// Where the whitespace behind `begin` ends.
std::size_t skip_whitespace(std::string_view text, std::size_t begin) {
  for (std::size_t next = begin; begin < text.size(); begin = next) {
    if (!is_whitespace(next_character(text, next))) {
      break;
    }
  }
  return begin;
}

}  // namespace

AddedToken make_added_token(JsonField const& field) {
  bool const special = field.boolean_or("special", false);
  return {.content = field.at("content").string(),
          .single_word = field.boolean_or("single_word", false),
          .lstrip = field.boolean_or("lstrip", false),
          .rstrip = field.boolean_or("rstrip", false),
          .normalized = field.boolean_or("normalized", !special),
          .special = special};
}

AddedVocabulary::AddedVocabulary(Vocabulary const& vocabulary,
                                 Normalizer const* normalizer) noexcept
    : vocabulary_{&vocabulary}, normalizer_{normalizer} {}

TokenId AddedVocabulary::next_free_id() const noexcept {
  // The count, not the largest id, as Hugging Face has it.
  auto const num_tokens = static_cast<TokenId>(vocabulary_->num_tokens());
  return std::max(num_tokens, end_id());
}

void AddedVocabulary::add(std::vector<AddedToken> tokens) {
  TokenId next_id = next_free_id();
  for (AddedToken& token : tokens) {
    if (token.content.empty()) {
      continue;
    }
    AddedToken const* const previous = find(token.content);
    token.special = token.special || (previous != nullptr && previous->special);
    std::optional<TokenId> const known = id(token.content);
    TokenId const token_id = known ? *known : next_id++;
    id_of_.insert_or_assign(token.content, token_id);
    tokens_.insert_or_assign(token_id, std::move(token));
  }
}

AddedToken const* AddedVocabulary::find(std::string_view content) const {
  auto const found = id_of_.find(content);
  return found == id_of_.end() ? nullptr : token(found->second);
}

std::optional<TokenId> AddedVocabulary::id(std::string_view content) const {
  auto const found = id_of_.find(content);
  return found == id_of_.end() ? vocabulary_->find(content) : std::optional{found->second};
}

AddedToken const* AddedVocabulary::token(TokenId id) const {
  auto const found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

TokenId AddedVocabulary::end_id() const noexcept {
  return tokens_.empty() ? 0 : tokens_.rbegin()->first + 1;
}

std::string AddedVocabulary::normalized_content(AddedToken const& token) const {
  std::string content = token.content;
  if (token.normalized && normalizer_ != nullptr) {
    normalizer_->apply(content);
  }
  return content;
}

std::string AddedVocabulary::text_for_decoder(TokenId id) const {
  AddedToken const* const known = token(id);
  return known == nullptr ? *vocabulary_->token(id) : normalized_content(*known);
}

void AddedVocabulary::build_matchers() {
  for (auto const& [token_id, token] : tokens_) {
    std::string const content = normalized_content(token);
    if (content.empty()) {
      continue;  // normalized to nothing: nowhere to be found
    }
    (token.normalized ? normalized_matcher_ : raw_matcher_).insert(content, token_id);
  }
}

void AddedVocabulary::split(std::string_view text, Stage stage, std::vector<Part>& parts) const {
  parts.clear();
  TokenTrie const& matcher = stage == Stage::raw_text ? raw_matcher_ : normalized_matcher_;
  std::size_t covered = 0;
  for (std::size_t from = 0; auto const found = matcher.find(text, from);) {
    from = found->end;
    AddedToken const& token = tokens_.at(found->value);
    if (token.single_word && (ends_with_word(text.substr(0, found->begin)) ||
                              begins_with_word(text.substr(found->end)))) {
      continue;
    }
    std::size_t begin = found->begin;
    if (token.lstrip) {
      begin = std::max(skip_whitespace_back(text, begin), covered);
    }
    if (covered < begin) {
      parts.push_back({text.substr(covered, begin - covered), std::nullopt});
    }
    // A token that takes whitespace along may reach into the next one, which counts all the same.
    covered = token.rstrip ? skip_whitespace(text, found->end) : found->end;
    parts.push_back({{}, found->value});
  }
  if (covered < text.size()) {
    parts.push_back({text.substr(covered), std::nullopt});
  }
}

}  // namespace talus::io::tokenizer
