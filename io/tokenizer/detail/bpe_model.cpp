// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/bpe_model.hpp"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/byte_token.hpp"
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

/// The first line of the text files that old converters copied.
bool is_comment(Json const& merge) {
  return merge.is_string() && merge.get_ref<std::string const&>().starts_with("#version");
}

MergeTable make_merges(JsonField const& field, Vocabulary const& vocabulary) {
  if (!field.json().is_array()) {
    field.refuse("must be an array of merges");
  }
  MergeTable merges{field.size()};
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    Json const& merge = field.json()[i];
    if (is_comment(merge)) {
      continue;
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
      fuse_unknown_{field.boolean_or("fuse_unk", false)},
      falls_back_{field.boolean_or("byte_fallback", false)} {
  refuse_unsupported(field);
  if (auto const unknown = field.find("unk_token")) {
    unknown_ = vocabulary_.find(unknown->string());
    if (!unknown_ && alphabet_ == WordAlphabet::characters) {
      unknown->refuse("not in the vocabulary");  // over bytes nothing is unknown
    }
  }
  if (alphabet_ == WordAlphabet::bytes) {
    set_byte_tables(field);
  } else {
    set_character_tables(field);
  }
}

void BpeModel::set_character_tables(JsonField const& field) {
  for (std::size_t byte = 0; byte < id_of_byte_.size(); ++byte) {
    id_of_byte_[byte] =
        vocabulary_.find(byte_token(static_cast<unsigned char>(byte))).value_or(no_token);
  }
  constexpr std::size_t end_of_first_plane = 0x10000;
  id_of_character_.assign(end_of_first_plane, no_token);
  for (TokenId id = 0; id < vocabulary_.end_id(); ++id) {
    std::string const* const token = vocabulary_.token(id);
    std::size_t end = 0;
    if (token == nullptr || token->empty()) {
      continue;
    }
    char32_t const code = next_character(*token, end);
    if (end == token->size() && code < end_of_first_plane) {
      id_of_character_[code] = id;
    }
  }
  JsonField const merges = field.at("merges");
  auto const unknown = field.find("unk_token");
  if (!vocabulary_.find(WordEnds::word_begin)) {
    return;
  }
  word_ends_.allow();
  for (std::size_t i = 0; i < merges.size(); ++i) {
    if (is_comment(merges.json()[i])) {
      continue;
    }
    auto const [left, right] = parts_of(merges, i);
    word_ends_.add_merge(left, right, unknown ? unknown->string() : std::string{});
  }
}

void BpeModel::set_byte_tables(JsonField const& field) {
  for (std::size_t byte = 0; byte < id_of_byte_.size(); ++byte) {
    std::string const character = bytes_to_alphabet(std::string(1, static_cast<char>(byte)));
    id_of_byte_[byte] = vocabulary_.find(character).value_or(no_token);
    if (falls_back_ && id_of_byte_[byte] == no_token) {
      field.at("byte_fallback").refuse("over bytes it is supported only if each has a token");
    }
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

TokenId BpeModel::find_character(char32_t code, std::string_view character) const {
  return code < id_of_character_.size() ? id_of_character_[code]
                                        : vocabulary_.find(character).value_or(no_token);
}

std::optional<TokenId> BpeModel::find_word(std::string_view word) const {
  if (alphabet_ == WordAlphabet::characters) {
    return vocabulary_.find(word);
  }
  auto const found = id_of_bytes_.find(word);
  return found == id_of_bytes_.end() ? std::nullopt : std::optional{found->second};
}

void BpeModel::append_byte_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  bool after_unknown = false;
  for (char const byte : word) {
    TokenId const id = id_of_byte_[static_cast<unsigned char>(byte)];
    bool const is_unknown = id == no_token;
    if (!is_unknown) {
      symbols.push_back(id);
    } else if (unknown_ && !(after_unknown && fuse_unknown_)) {
      symbols.push_back(*unknown_);
    }
    after_unknown = is_unknown;
  }
}

bool BpeModel::append_fallback(std::string_view character, std::vector<TokenId>& symbols) const {
  std::size_t const size = symbols.size();
  for (char const byte : character) {
    TokenId const id = id_of_byte_[static_cast<unsigned char>(byte)];
    if (!falls_back_ || id == no_token) {
      symbols.resize(size);
      return false;
    }
    symbols.push_back(id);
  }
  return true;
}

void BpeModel::append_character_symbols(std::string_view word,
                                        std::vector<TokenId>& symbols) const {
  // As in Hugging Face's, an unknown token waits for the next known character, and bytes of
  // characters between overtake it.
  bool waits = false;
  for (std::size_t position = 0; position < word.size();) {
    std::size_t const begin = position;
    char32_t const code = next_character(word, position);
    std::string_view const character = word.substr(begin, position - begin);
    TokenId const id = find_character(code, character);
    if (id != no_token) {
      if (std::exchange(waits, false)) {
        symbols.push_back(*unknown_);
      }
      symbols.push_back(id);
    } else if (!append_fallback(character, symbols) && unknown_) {
      if (waits && !fuse_unknown_) {
        symbols.push_back(*unknown_);
      }
      waits = true;
    }
  }
  if (waits) {
    symbols.push_back(*unknown_);
  }
}

void BpeModel::append_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
  if (alphabet_ == WordAlphabet::bytes) {
    append_byte_symbols(word, symbols);
  } else {
    append_character_symbols(word, symbols);
  }
}

void BpeModel::encode(std::string_view word, std::vector<TokenId>& ids) const {
  if (std::optional<TokenId> const whole = ignore_merges_ ? find_word(word) : std::nullopt) {
    ids.push_back(*whole);
    return;
  }
  while (!word.empty()) {
    std::size_t const end = word_ends_.first_end(word);
    encode_part(word.substr(0, end), ids);
    word.remove_prefix(end);
  }
}

void BpeModel::encode_part(std::string_view part, std::vector<TokenId>& ids) const {
  WordCache::Place const place = cache_.find(part);
  if (auto const* const known = place.ids()) {
    ids.insert(ids.end(), known->begin(), known->end());
    return;
  }
  std::vector<TokenId> symbols;
  symbols.reserve(part.size());
  append_symbols(part, symbols);
  merge_word(merges_, symbols);
  cache_.insert(place, part, symbols);
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

}  // namespace talus::io::tokenizer
