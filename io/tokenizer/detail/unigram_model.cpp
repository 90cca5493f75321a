// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/unigram_model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/byte_token.hpp"
#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr double unknown_penalty = 10.0;  // SentencePiece's kUnkPenalty

/// A score as Hugging Face's parser reads it: the digits as an integer, rounded to a double, then
/// times or over a power of ten, rounded again. The last bit decides between ways of equal score.
double twice_rounded(double score) {
  std::array<char, 32> text{};
  char* const begin = text.data();
  auto const shortest =
      std::to_chars(begin, begin + text.size(), std::abs(score), std::chars_format::scientific);
  char* const exponent_mark = std::find(begin, shortest.ptr, 'e');
  std::uint64_t digits = 0;
  int exponent = 0;
  char const* const sign = exponent_mark + (exponent_mark[1] == '+' ? 2 : 1);
  std::from_chars(sign, shortest.ptr, exponent);
  for (char const* at = begin; at != exponent_mark; ++at) {
    if (*at != '.') {
      digits = 10 * digits + static_cast<std::uint64_t>(*at - '0');
      exponent -= at == begin ? 0 : 1;
    }
  }
  constexpr int max_exponent = 308;
  if (std::abs(exponent) > max_exponent) {
    return score;  // no such score stands in a file
  }
  double power = 0;
  std::string const power_text = concat("1e", std::abs(exponent));
  std::from_chars(power_text.data(), power_text.data() + power_text.size(), power);
  auto const integer = static_cast<double>(digits);
  return std::copysign(exponent < 0 ? integer / power : integer * power, score);
}

/// The spellings of [["token", score], ...].
std::vector<std::string> spellings(JsonField const& vocab) {
  std::vector<std::string> tokens;
  tokens.reserve(vocab.size());
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    Json const* const entry = vocab.json().is_array() ? &vocab.json()[i] : nullptr;
    if (entry == nullptr || !entry->is_array() || entry->size() != 2 || !(*entry)[0].is_string() ||
        !(*entry)[1].is_number()) {
      vocab.item(i).refuse("must be a token and its score: [\"a\", -1.5]");
    }
    tokens.push_back((*entry)[0].get<std::string>());
  }
  return tokens;
}

}  // namespace

UnigramModel::UnigramModel(JsonField const& field, WordAlphabet alphabet)
    : vocabulary_{spellings(field.at("vocab")), field.at("vocab")} {
  if (alphabet == WordAlphabet::bytes) {
    field.at("type").refuse("not supported with a ByteLevel pre-tokenizer");
  }
  add_scores(field.at("vocab"));
  if (auto const unknown = field.find("unk_id")) {
    unknown_ = unknown->id();
    if (unknown_ >= vocabulary_.end_id()) {
      unknown->refuse("the vocabulary has no such token");
    }
  }
  if (field.boolean_or("byte_fallback", false)) {
    id_of_byte_.emplace();
    for (std::size_t byte = 0; byte < id_of_byte_->size(); ++byte) {
      (*id_of_byte_)[byte] =
          vocabulary_.find(byte_token(static_cast<unsigned char>(byte))).value_or(no_token);
    }
  }
}

void UnigramModel::add_scores(JsonField const& vocab) {
  double lowest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    scores_.push_back(twice_rounded(vocab.json()[i][1].get<double>()));
    lowest = std::min(lowest, scores_.back());
    auto const id = static_cast<TokenId>(i);
    std::string const& token = *vocabulary_.token(id);
    if (!token.empty()) {
      tree_.insert(token, id);
    }
  }
  unknown_score_ = lowest - unknown_penalty;
}

void UnigramModel::extend(std::string_view word, std::size_t begin, std::vector<Best>& best) const {
  double const until_here = best[begin].score;
  auto const offer = [&](std::size_t end, double score, TokenId token) {
    double const total = score + until_here;
    if (best[end].token == no_token || total > best[end].score) {
      best[end] = {total, begin, token};
    }
  };
  std::size_t first_end = begin;
  (void)next_character(word, first_end);
  bool is_known = false;
  PrefixTree::Node node = PrefixTree::root;
  for (std::size_t end = begin; end < word.size();) {
    node = tree_.step(node, word[end++]);
    if (node == PrefixTree::nowhere) {
      break;
    }
    TokenId const token = tree_.value(node);
    if (token != PrefixTree::no_value) {
      offer(end, scores_[static_cast<std::size_t>(token)], token);
      is_known = is_known || end == first_end;
    }
  }
  if (is_known) {
    return;
  }
  bool const is_best =
      best[first_end].token == no_token || unknown_score_ + until_here > best[first_end].score;
  if (unknown_ == no_token && is_best) {
    throw ConfigError{concat("\"",
                             word.substr(begin, first_end - begin),
                             "\" can't be tokenized (the model's vocabulary lacks it, and has no "
                             "unk_id)")};
  }
  offer(first_end, unknown_score_, unknown_);
}

void UnigramModel::append(std::string_view text, TokenId token, std::vector<TokenId>& ids) const {
  if (token != unknown_) {
    ids.push_back(token);
    return;
  }
  // Unknown characters put together may be a token that was too dear by itself.
  if (std::optional<TokenId> const known = vocabulary_.find(text)) {
    ids.push_back(*known);
    return;
  }
  std::size_t const size = ids.size();
  for (char const byte : id_of_byte_ ? text : std::string_view{}) {
    ids.push_back((*id_of_byte_)[static_cast<unsigned char>(byte)]);
  }
  auto const begin = ids.begin() + static_cast<std::ptrdiff_t>(size);
  if (begin == ids.end() || std::find(begin, ids.end(), no_token) != ids.end()) {
    ids.resize(size);
    ids.push_back(unknown_);
  }
}

void UnigramModel::encode_uncached(std::string_view word, std::vector<TokenId>& ids) const {
  std::vector<Best> best(word.size() + 1);
  for (std::size_t begin = 0; begin < word.size(); (void)next_character(word, begin)) {
    extend(word, begin, best);
  }
  std::vector<Span> tokens;  // backwards; a run of unknown ones is one
  for (std::size_t end = word.size(); end > 0;) {
    std::size_t const begin = best[end].begin;
    bool const continues = !tokens.empty() && unknown_ != no_token && best[end].token == unknown_ &&
                           best[tokens.back().end].token == unknown_;
    if (continues) {
      tokens.back().begin = begin;
    } else {
      tokens.push_back({begin, end});
    }
    end = begin;
  }
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    append(word.substr(token->begin, token->end - token->begin), best[token->end].token, ids);
  }
}

void UnigramModel::encode(std::string_view word, std::vector<TokenId>& ids) const {
  WordCache::Place const place = cache_.find(word);
  if (auto const* const known = place.ids()) {
    ids.insert(ids.end(), known->begin(), known->end());
    return;
  }
  std::size_t const size = ids.size();
  encode_uncached(word, ids);
  cache_.insert(place, word, std::span{ids}.subspan(size));
}

}  // namespace talus::io::tokenizer
