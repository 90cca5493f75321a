// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/decoder.hpp"

#include <optional>
#include <utility>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/byte_token.hpp"
#include "io/tokenizer/detail/metaspace.hpp"
#include "io/tokenizer/detail/replacement.hpp"
#include "io/tokenizer/detail/text_limit.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// Bytes of the characters that stand for them; a token with any other character is text itself.
class ByteLevel final : public Decoder::Step {
 public:
  std::string apply(std::string_view token, bool /*is_first*/) const override {
    return bytes_from_alphabet(token).value_or(std::string{token});
  }
};

class Replace final : public Decoder::Step {
 public:
  explicit Replace(Replacement replacement) : replacement_{std::move(replacement)} {}

  std::string apply(std::string_view token, bool /*is_first*/) const override {
    return replacement_.apply(token);
  }

 private:
  Replacement replacement_;
};

/// Blanks for the character that stands for them, but nothing in the first token.
class FromMetaspace final : public Decoder::Step {
 public:
  explicit FromMetaspace(MetaspaceOptions options) : options_{std::move(options)} {}

  std::string apply(std::string_view token, bool is_first) const override {
    bool const drops = is_first && options_.prepends != MetaspaceOptions::Prepends::never;
    return replace_all(token, options_.replacement, drops ? "" : " ");
  }

 private:
  MetaspaceOptions options_;
};

/// Takes a character from a token's beginning and end.
class StripToken final : public Decoder::Step {
 public:
  StripToken(std::string character, std::size_t begin, std::size_t end)
      : character_{std::move(character)}, begin_{begin}, end_{end} {}

  std::string apply(std::string_view token, bool /*is_first*/) const override {
    for (std::size_t i = 0; i < begin_ && token.starts_with(character_); ++i) {
      token.remove_prefix(character_.size());
    }
    for (std::size_t i = 0; i < end_ && token.ends_with(character_); ++i) {
      token.remove_suffix(character_.size());
    }
    return std::string{token};
  }

 private:
  std::string character_;
  std::size_t begin_;
  std::size_t end_;
};

}  // namespace

Decoder::Decoder(JsonField const& field) : separator_{} {
  add_steps(field);
  if (steps_.size() > max_steps) {
    field.refuse(concat("has ", steps_.size(), " steps; allowed are ", max_steps));
  }
}

void Decoder::add_steps(JsonField const& field) {
  JsonField const type_field = field.at("type");
  std::string const& type = type_field.string();
  if (type == "Sequence") {
    JsonField const list = field.at("decoders");
    for (std::size_t i = 0; i < list.size(); ++i) {
      add_steps(list.item(i));
    }
    return;
  }
  if (type == "Fuse") {
    stage_ = Stage::one_text;
    return;
  }
  if (type == "Strip" && stage_ == Stage::one_text) {
    add_strip(field);
    return;
  }
  if (type != "ByteLevel" && type != "Replace" && type != "ByteFallback" && type != "Metaspace" &&
      type != "Strip") {
    type_field.refuse(
        "unknown decoder; ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip and Sequence "
        "are supported");
  }
  if (stage_ != Stage::tokens) {
    type_field.refuse(
        "behind ByteLevel or Fuse only Fuse and Strip are supported, behind "
        "ByteFallback only Fuse");
  }
  add_step(field, type);
}

void Decoder::add_step(JsonField const& field, std::string const& type) {
  if (type == "ByteLevel") {
    steps_.push_back(std::make_unique<ByteLevel>());
    stage_ = Stage::one_text;
  } else if (type == "ByteFallback") {
    falls_back_ = true;
    stage_ = Stage::byte_runs;
  } else if (type == "Metaspace") {
    steps_.push_back(std::make_unique<FromMetaspace>(MetaspaceOptions{field}));
    minds_first_ = true;
  } else if (type == "Strip") {
    steps_.push_back(std::make_unique<StripToken>(
        field.at("content").character(), field.at("start").count(), field.at("stop").count()));
  } else {
    steps_.push_back(std::make_unique<Replace>(Replacement{field}));
  }
}

void Decoder::add_strip(JsonField const& field) {
  if (!stripped_.empty()) {
    field.refuse("the joined text can be stripped once");
  }
  stripped_ = field.at("content").character();
  strip_begin_ = field.at("start").count();
  strip_end_ = field.at("stop").count();
}

Decoder::Piece Decoder::piece_of(std::string_view token, bool is_first) const {
  std::string bytes{token};
  for (auto const& step : steps_) {
    bytes = step->apply(bytes, is_first);
  }
  if (falls_back_) {
    if (std::optional<char> const byte = byte_of_token(bytes)) {
      return {std::string(1, *byte), true};
    }
  }
  return {std::move(bytes), false};
}

void Decoder::push(std::string_view bytes,
                   bool is_byte,
                   TextState& state,
                   std::string& text) const {
  if (is_byte) {
    // Hugging Face judges a run as a whole: one bad byte spoils all, so nothing is final yet.
    state.bytes += bytes;
  } else {
    flush_bytes(state, text);
    append(bytes, state, text);
  }
}

void Decoder::flush_bytes(TextState& state, std::string& text) const {
  if (state.bytes.empty()) {
    return;
  }
  std::string run = std::exchange(state.bytes, {});
  if (to_valid_utf8(run) != run) {
    std::size_t const length = run.size();
    run.clear();
    for (std::size_t i = 0; i < length; ++i) {
      run += replacement_character;
    }
  }
  append(run, state, text);
}

std::string_view Decoder::cut_begin(std::string_view chunk, TextState& state) const {
  while (!chunk.empty() && state.cuts_begin) {
    state.cuts_begin = state.num_cut < strip_begin_ && chunk.starts_with(stripped_);
    if (state.cuts_begin) {
      chunk.remove_prefix(stripped_.size());
      ++state.num_cut;
    }
  }
  return chunk;
}

void Decoder::append(std::string_view chunk, TextState& state, std::string& text) const {
  if (stripped_.empty()) {
    state.gate.push(chunk, text);
    return;
  }
  std::string whole = std::exchange(state.held, {});
  std::string fresh;
  state.gate.push(chunk, fresh);
  whole += cut_begin(fresh, state);
  for (std::size_t i = 0; i < strip_end_ && whole.ends_with(stripped_); ++i) {
    whole.resize(whole.size() - stripped_.size());
    state.held += stripped_;
  }
  text += whole;
}

void Decoder::finish(TextState& state, std::string& text) const {
  flush_bytes(state, text);
  std::string rest;
  state.gate.finish(rest);
  if (!rest.empty()) {
    text += state.held;  // it wasn't the end after all
    text += rest;
  }
  state = TextState{};
}

}  // namespace talus::io::tokenizer
