// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/regex.hpp"

#include <new>
#include <utility>

#include <oniguruma.h>

#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr std::size_t max_pattern_bytes = std::size_t{1} << 16U;

// Backtracking steps: of each search, at no charge; of a search; of all searches of a text.
constexpr unsigned long free_retries = 10'000;
constexpr unsigned long max_search_retries = 10'000'000;  // Oniguruma's own limit of a match
constexpr unsigned long max_retries = 100'000'000;

OnigUChar const* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<OnigUChar const*>(text.data());
}

std::string reason_of(int code, OnigErrorInfo* info) {
  OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
  int const length = info != nullptr ? onig_error_code_to_str(message, code, info)
                                     : onig_error_code_to_str(message, code);
  return {message, message + length};
}

}  // namespace

void Regex::Searcher::FreeParameters::operator()(OnigMatchParamStruct* parameters) const noexcept {
  onig_free_match_param(parameters);
}

void Regex::FreePattern::operator()(re_pattern_buffer* pattern) const noexcept {
  onig_free(pattern);
}

void Regex::Searcher::FreeRegion::operator()(re_registers* region) const noexcept {
  constexpr int with_itself = 1;
  onig_region_free(region, with_itself);
}

Regex::Regex(std::string_view pattern, std::string place)
    : source_{pattern}, place_{std::move(place)} {
  if (source_.size() > max_pattern_bytes) {
    throw ConfigError{concat(place_,
                             ": a pattern of ",
                             source_.size(),
                             " bytes (at most ",
                             max_pattern_bytes,
                             " are read)")};
  }
  OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
  onig_initialize(encodings, 1);
  OnigErrorInfo info{};
  OnigRegex compiled = nullptr;
  OnigUChar const* const begin = bytes_of(source_);
  int const code = onig_new(&compiled,
                            begin,
                            begin + source_.size(),
                            ONIG_OPTION_NONE,
                            ONIG_ENCODING_UTF8,
                            ONIG_SYNTAX_DEFAULT,
                            &info);
  if (code != ONIG_NORMAL) {
    throw ConfigError{concat(place_, ": \"", source_, "\" (", reason_of(code, &info), ')')};
  }
  pattern_.reset(compiled);
}

Regex Regex::literal(std::string_view text, std::string place) {
  constexpr std::string_view syntax = "\\.+*?()|[]{}^$#&-~";
  std::string pattern;
  for (char const character : text) {
    if (syntax.find(character) != std::string_view::npos) {
      pattern.push_back('\\');
    }
    pattern.push_back(character);
  }
  return {pattern, std::move(place)};
}

Regex::Searcher::Searcher(Regex const& regex)
    : regex_{&regex},
      region_{onig_region_new()},
      parameters_{onig_new_match_param()},
      budget_{max_retries} {
  if (region_ == nullptr || parameters_ == nullptr) {
    throw std::bad_alloc{};
  }
  (void)onig_initialize_match_param(parameters_.get());
}

int Regex::Searcher::search(std::string_view text, std::size_t from) {
  OnigUChar const* const begin = bytes_of(text);
  OnigUChar const* const end = begin + text.size();
  int code = ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
  // Oniguruma doesn't tell what a search took: it is tried with more and more, and the trials
  // count.
  for (unsigned long limit = free_retries; limit <= max_search_retries && limit <= budget_;
       limit *= 10) {
    onig_set_retry_limit_in_search_of_match_param(parameters_.get(), limit);
    code = onig_search_with_param(regex_->pattern_.get(),
                                  begin,
                                  end,
                                  begin + from,
                                  end,
                                  region_.get(),
                                  ONIG_OPTION_NONE,
                                  parameters_.get());
    if (code != ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER) {
      break;
    }
    budget_ -= limit;
  }
  return code;
}

bool Regex::Searcher::find(std::string_view text, std::size_t from, Span& match) {
  int const code = search(text, from);
  if (code == ONIG_MISMATCH) {
    return false;
  }
  if (code < 0) {
    throw ConfigError{concat(regex_->place_,
                             ": \"",
                             regex_->source_,
                             "\" (can't be searched for in a text of ",
                             text.size(),
                             " bytes: ",
                             reason_of(code, nullptr),
                             ')')};
  }
  match = {static_cast<std::size_t>(region_->beg[0]), static_cast<std::size_t>(region_->end[0])};
  return true;
}

void Regex::Searcher::find_all(std::string_view text, Span range, std::vector<Match>& found) {
  found.clear();
  std::string_view const part = text.substr(range.begin, range.end - range.begin);
  auto const add = [&](std::size_t begin, std::size_t end, bool is_match) {
    found.push_back({{range.begin + begin, range.begin + end}, is_match});
  };
  std::size_t covered = 0;
  std::size_t from = 0;
  bool after_match = false;  // an empty match right behind a match doesn't count
  Span match{};
  while (from <= part.size() && find(part, from, match)) {
    if (match.is_empty() && after_match && match.end == covered) {
      if (from == part.size()) {
        break;
      }
      (void)next_character(part, from);
      continue;
    }
    if (covered != match.begin) {
      add(covered, match.begin, false);
    }
    add(match.begin, match.end, true);
    covered = match.end;
    from = match.end;
    after_match = true;
  }
  if (covered != part.size()) {
    add(covered, part.size(), false);
  }
}

}  // namespace talus::io::tokenizer
