// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/tokenizer.hpp"

#include <utility>

#include "io/tokenizer/detail/parts.hpp"
#include "io/tokenizer/detail/text_limit.hpp"
#include "io/tokenizer/text_state.hpp"
#include "io/tokenizer/utf8_gate.hpp"

namespace talus::io {
namespace {

using tokenizer::AddedVocabulary;
using tokenizer::Parts;
using tokenizer::Span;
using tokenizer::TokenBytes;
using tokenizer::WordList;

/// Text without added tokens, normalized.
void encode_plain(Parts const& parts,
                  std::string_view text,
                  bool begins_text,
                  std::vector<TokenId>& ids) {
  WordList list{std::string{text}, {{0, text.size()}}, begins_text};
  parts.pre_tokenizers.apply(list);
  for (Span const word : list.words) {
    std::string_view const bytes{list.text.data() + word.begin, word.end - word.begin};
    parts.model->encode(bytes, ids);
  }
}

/// Text without the added tokens that are found before it is normalized.
void encode_raw(Parts const& parts,
                std::string_view raw,
                bool begins_text,
                std::vector<TokenId>& ids) {
  std::string text{raw};
  if (parts.normalizer) {
    parts.normalizer->apply(text);
  }
  std::vector<AddedVocabulary::Part> found;
  parts.added->split(text, AddedVocabulary::Stage::normalized_text, found);
  for (AddedVocabulary::Part const& part : found) {
    if (part.token) {
      ids.push_back(*part.token);
    } else {
      encode_plain(parts, part.text, begins_text && part.text.data() == text.data(), ids);
    }
  }
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<Parts const> parts) noexcept : parts_{std::move(parts)} {}

Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(std::filesystem::path const& model_dir) {
  return parse(tokenizer::read_files(model_dir));
}

Tokenizer Tokenizer::parse(TokenizerFiles const& files) {
  return Tokenizer{tokenizer::make_parts(files)};
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, AddSpecialTokens add) const {
  tokenizer::check_text_bytes(text.size());
  std::string const valid = tokenizer::to_valid_utf8(text);
  bool const adds = add == AddSpecialTokens::yes;
  std::vector<TokenId> ids;
  ids.reserve(valid.size() / 3 + 8);
  if (adds) {
    ids = parts_->post_processor.before;
  }
  std::vector<AddedVocabulary::Part> found;
  parts_->added->split(valid, AddedVocabulary::Stage::raw_text, found);
  for (AddedVocabulary::Part const& part : found) {
    if (part.token) {
      ids.push_back(*part.token);
    } else {
      encode_raw(*parts_, part.text, part.text.data() == valid.data(), ids);
    }
  }
  if (adds) {
    auto const& behind = parts_->post_processor.behind;
    ids.insert(ids.end(), behind.begin(), behind.end());
  }
  return ids;
}

std::string Tokenizer::decode(std::span<TokenId const> ids, SkipSpecialTokens skip) const {
  std::string text;
  tokenizer::TextState state;
  for (TokenId const id : ids) {
    push(id, skip, state, text);
  }
  finish(state, text);
  return text;
}

void Tokenizer::push(TokenId id,
                     SkipSpecialTokens skip,
                     tokenizer::TextState& state,
                     std::string& text) const {
  if (is_skipped(id, skip)) {
    return;
  }
  tokenizer::Decoder const& decoder = parts_->decoder;
  bool const is_first = !std::exchange(state.has_tokens, true);
  if (is_first && decoder.minds_first()) {
    auto const piece = decoder.piece_of(parts_->added->text_for_decoder(id), true);
    decoder.push(piece.bytes, piece.is_byte, state, text);
    return;
  }
  if (!is_first) {
    decoder.push_separator(state, text);
  }
  decoder.push(token_bytes(id), parts_->token_bytes.is_byte(id), state, text);
}

void Tokenizer::finish(tokenizer::TextState& state, std::string& text) const {
  parts_->decoder.finish(state, text);
}

std::int64_t Tokenizer::vocab_size() const noexcept {
  return parts_->token_bytes.num_ids();
}

std::optional<TokenId> Tokenizer::token_id(std::string_view token) const {
  return parts_->added->id(token);
}

std::optional<std::string> Tokenizer::token(TokenId id) const {
  if (auto const* const added = parts_->added->token(id)) {
    return added->content;
  }
  std::string const* const known = parts_->model->vocabulary().token(id);
  return known == nullptr ? std::nullopt : std::optional{*known};
}

std::string_view Tokenizer::token_bytes(TokenId id) const noexcept {
  return parts_->token_bytes.bytes(id);
}

bool Tokenizer::is_special(TokenId id) const {
  auto const* const added = parts_->added->token(id);
  return added != nullptr && added->special;
}

bool Tokenizer::is_skipped(TokenId id, SkipSpecialTokens skip) const noexcept {
  TokenBytes::Kind const kind = parts_->token_bytes.kind(id);
  return kind == TokenBytes::Kind::unknown ||
         (kind == TokenBytes::Kind::special && skip == SkipSpecialTokens::yes);
}

std::optional<std::string> Tokenizer::role_token(TokenRole role) const {
  return parts_->roles[static_cast<std::size_t>(role)];
}

}  // namespace talus::io
