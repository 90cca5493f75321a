// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/bpe_model.hpp"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/merge_word.hpp"
#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

void refuse_unsupported(JsonField const& field) {
  auto const dropout = field.find("dropout");
  if (dropout && dropout->json() != 0.0) {
    dropout->refuse("random merges are not supported; allowed are null and 0");
  }
  for (char const* const key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    auto const affix = field.find(key);
    if (affix && !affix->string().empty()) {
      affix->refuse("not supported; allowed are null and an empty string");
    }
  }
  if (field.boolean_or("byte_fallback", false)) {
    field.at("byte_fallback").refuse("not supported; allowed is false");
  }
}

/// The two tokens of a merge: "a b" or ["a", "b"].
std::pair<std::string, std::string> parts_of(JsonField const& field, std::size_t index) {
  Json const& merge = field.json()[index];
  if (merge.is_string()) {
    auto const& text = merge.get_ref<std::string const&>();
    std::size_t const blank = text.find(' ');
    if (blank != std::string::npos && text.find(' ', blank + 1) == std::string::npos) {
      return {text.substr(0, blank), text.substr(blank + 1)};
    }
  } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
             merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  field.item(index).refuse("must be two tokens: \"a b\" or [\"a\", \"b\"]");
}

TokenId id_in(Vocabulary const& vocabulary,
              std::string_view token,
              JsonField const& field,
              std::size_t index) {
  std::optional<TokenId> const id = vocabulary.find(token);
  if (!id) {
    field.item(index).refuse(concat("\"", token, "\" is not in the vocabulary"));
  }
  return *id;
}

MergeTable make_merges(JsonField const& field, Vocabulary const& vocabulary) {
  if (!field.json().is_array()) {
    field.refuse("must be an array of merges");
  }
  MergeTable merges{field.size()};
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    Json const& merge = field.json()[i];
    if (merge.is_string() && merge.get_ref<std::string const&>().starts_with("#version")) {
      continue;  // the first line of the text files that old converters copied
    }
    auto const [left, right] = parts_of(field, i);
    TokenId const left_id = id_in(vocabulary, left, field, i);
    TokenId const right_id = id_in(vocabulary, right, field, i);
    merges.insert(left_id, right_id, {rank++, id_in(vocabulary, left + right, field, i)});
  }
  return merges;
}

}  // namespace

BpeModel::BpeModel(JsonField const& field, WordAlphabet alphabet)
    : vocabulary_{field.at("vocab")},
      merges_{make_merges(field.at("merges"), vocabulary_)},
      alphabet_{alphabet},
      ignore_merges_{field.boolean_or("ignore_merges", false)},
      fuse_unknown_{field.boolean_or("fuse_unk", false)} {
  refuse_unsupported(field);
  if (auto const unknown = field.find("unk_token")) {
    unknown_ = vocabulary_.find(unknown->string());
    if (!unknown_ && alphabet_ == WordAlphabet::characters) {
      unknown->refuse("not in the vocabulary");  // over bytes nothing is unknown
    }
  }
  if (alphabet_ == WordAlphabet::bytes) {
    set_byte_tables();
  }
}

void BpeModel::set_byte_tables() {
  for (std::size_t byte = 0; byte < id_of_byte_.size(); ++byte) {
    std::string const character = bytes_to_alphabet(std::string(1, static_cast<char>(byte)));
    id_of_byte_[byte] = vocabulary_.find(character).value_or(no_token);
  }
  for (TokenId id = 0; ignore_merges_ && id < vocabulary_.end_id(); ++id) {
    std::string const* const token = vocabulary_.token(id);
    if (token == nullptr) {
      continue;
    }
    if (auto bytes = bytes_from_alphabet(*token)) {
      id_of_bytes_.emplace(std::move(*bytes), id);
    }
  }
}

std::optional<TokenId> BpeModel::find_word(std::string_view word) const {
  if (alphabet_ == WordAlphabet::characters) {
    return vocabulary_.find(word);
  }
  auto const found = id_of_bytes_.find(word);
  return found == id_of_bytes_.end() ? std::nullopt : std::optional{found->second};
}

void BpeModel::append_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  bool after_unknown = false;
  for (std::size_t position = 0; position < word.size();) {
    TokenId id = no_token;
    if (alphabet_ == WordAlphabet::bytes) {
      id = id_of_byte_[static_cast<unsigned char>(word[position++])];
    } else {
      std::size_t const begin = position;
      (void)next_character(word, position);
      id = vocabulary_.find(word.substr(begin, position - begin)).value_or(no_token);
    }
    bool const is_unknown = id == no_token;
    if (!is_unknown) {
      symbols.push_back(id);
    } else if (unknown_ && !(after_unknown && fuse_unknown_)) {
      symbols.push_back(*unknown_);
    }
    after_unknown = is_unknown;
  }
}

void BpeModel::encode(std::string_view word, std::vector<TokenId>& ids) const {
  WordCache::Place const place = cache_.find(word);
  if (auto const* const known = place.ids()) {
    ids.insert(ids.end(), known->begin(), known->end());
    return;
  }
  std::vector<TokenId> symbols;
  std::optional<TokenId> const whole = ignore_merges_ ? find_word(word) : std::nullopt;
  if (whole) {
    symbols.push_back(*whole);
  } else {
    symbols.reserve(word.size());
    append_symbols(word, symbols);
    merge_word(merges_, symbols);
  }
  cache_.insert(place, word, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace talus::io::tokenizer
