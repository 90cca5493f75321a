// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/pre_tokenizer.hpp"

#include <string_view>
#include <utility>

#include "io/tokenizer/detail/byte_alphabet.hpp"
#include "io/tokenizer/detail/metaspace.hpp"
#include "io/tokenizer/detail/replacement.hpp"
#include "io/tokenizer/detail/split.hpp"
#include "io/tokenizer/detail/text_limit.hpp"
#include "io/tokenizer/detail/unicode.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

using Steps = std::vector<std::unique_ptr<PreTokenizer const>>;

/// Cuts with what a pattern finds, or if inverted with what lies between.
class PatternSplit final : public PreTokenizer {
 public:
  PatternSplit(Regex pattern, SplitBehavior behavior, bool invert)
      : pattern_{std::move(pattern)}, behavior_{behavior}, invert_{invert} {}

  void apply(WordList& list) const override {
    std::vector<Span> words;
    words.reserve(list.words.size() + list.text.size() / 4);
    std::vector<Match> parts;
    Regex::Searcher searcher{pattern_};
    for (Span const word : list.words) {
      searcher.find_all(list.text, word, parts);
      for (Match& part : parts) {
        part.is_match = part.is_match != invert_;
      }
      append_words(parts, behavior_, words);
    }
    list.words = std::move(words);
  }

 private:
  Regex pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

/// Cuts at the characters of one kind.
class CharacterSplit final : public PreTokenizer {
 public:
  using Predicate = bool (*)(char32_t) noexcept;

  CharacterSplit(Predicate is_delimiter, SplitBehavior behavior)
      : is_delimiter_{is_delimiter}, behavior_{behavior} {}

  void apply(WordList& list) const override {
    std::vector<Span> words;
    std::vector<Match> parts;
    for (Span const word : list.words) {
      find_all(list.text, word, parts);
      append_words(parts, behavior_, words);
    }
    list.words = std::move(words);
  }

 private:
  void find_all(std::string_view text, Span word, std::vector<Match>& parts) const {
    parts.clear();
    std::size_t between = word.begin;
    for (std::size_t position = word.begin; position < word.end;) {
      std::size_t const begin = position;
      if (!is_delimiter_(next_character(text, position))) {
        continue;
      }
      if (between < begin) {
        parts.push_back({{between, begin}, false});
      }
      parts.push_back({{begin, position}, true});
      between = position;
    }
    if (between < word.end) {
      parts.push_back({{between, word.end}, false});
    }
  }

  Predicate is_delimiter_;
  SplitBehavior behavior_;
};

/// Runs of word characters, and runs of anything else but whitespace.
class Whitespace final : public PreTokenizer {
 public:
  void apply(WordList& list) const override {
    std::vector<Span> words;
    for (Span const word : list.words) {
      Kind kind = Kind::space;
      for (std::size_t position = word.begin; position < word.end;) {
        std::size_t const begin = position;
        Kind const previous = std::exchange(kind, kind_of(next_character(list.text, position)));
        if (kind == Kind::space) {
          continue;
        }
        if (kind != previous) {
          words.push_back({begin, begin});
        }
        words.back().end = position;
      }
    }
    list.words = std::move(words);
  }

 private:
  enum class Kind { space, word, other };

  static Kind kind_of(char32_t character) noexcept {
    if (is_word_character(character)) {
      return Kind::word;
    }
    return is_whitespace(character) ? Kind::space : Kind::other;
  }
};

/// Begins each word with a blank.
class PrefixSpace final : public PreTokenizer {
 public:
  void apply(WordList& list) const override {
    WordList prefixed;
    prefixed.begins_text = list.begins_text;
    prefixed.text.reserve(list.text.size() + list.words.size());
    prefixed.words.reserve(list.words.size());
    for (Span const word : list.words) {
      std::size_t const begin = prefixed.text.size();
      if (list.text[word.begin] != ' ') {
        prefixed.text.push_back(' ');
      }
      prefixed.text.append(list.text, word.begin, word.end - word.begin);
      prefixed.words.push_back({begin, prefixed.text.size()});
    }
    list = std::move(prefixed);
  }
};

/// Puts characters in place of bytes.
class BytesToAlphabet final : public PreTokenizer {
 public:
  void apply(WordList& list) const override {
    WordList written;
    written.begins_text = list.begins_text;
    written.words.reserve(list.words.size());
    for (Span const word : list.words) {
      std::size_t const begin = written.text.size();
      std::string_view const bytes{list.text.data() + word.begin, word.end - word.begin};
      written.text += bytes_to_alphabet(bytes);
      written.words.push_back({begin, written.text.size()});
    }
    list = std::move(written);
  }
};

void add_byte_level(JsonField const& field, Steps& steps) {
  // Reference: github.com/openai/gpt-2, src/encoder.py.
  constexpr std::string_view gpt2_words =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  if (field.at("add_prefix_space").boolean()) {
    steps.push_back(std::make_unique<PrefixSpace>());
  }
  if (field.boolean_or("use_regex", true)) {
    steps.push_back(std::make_unique<PatternSplit>(
        Regex{gpt2_words, field.place()}, SplitBehavior::isolated, false));
  }
  steps.push_back(std::make_unique<BytesToAlphabet>());
}

void add_steps(JsonField const& field, Steps& steps);

void add_sequence(JsonField const& list, Steps& steps) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    add_steps(list.item(i), steps);
  }
}

void add_steps(JsonField const& field, Steps& steps) {
  JsonField const type_field = field.at("type");
  std::string const& type = type_field.string();
  if (type == "Sequence") {
    add_sequence(field.at("pretokenizers"), steps);
  } else if (type == "ByteLevel") {
    add_byte_level(field, steps);
  } else if (type == "Split") {
    steps.push_back(std::make_unique<PatternSplit>(make_regex(field.at("pattern")),
                                                   make_split_behavior(field.at("behavior")),
                                                   field.boolean_or("invert", false)));
  } else if (type == "Digits") {
    bool const one_by_one = field.boolean_or("individual_digits", false);
    steps.push_back(std::make_unique<CharacterSplit>(
        is_numeric, one_by_one ? SplitBehavior::isolated : SplitBehavior::contiguous));
  } else if (type == "Punctuation") {
    auto const behavior = field.find("behavior");
    steps.push_back(std::make_unique<CharacterSplit>(
        is_punctuation, behavior ? make_split_behavior(*behavior) : SplitBehavior::isolated));
  } else if (type == "WhitespaceSplit") {
    steps.push_back(std::make_unique<CharacterSplit>(is_whitespace, SplitBehavior::removed));
  } else if (type == "Whitespace") {
    steps.push_back(std::make_unique<Whitespace>());
  } else if (type == "Metaspace") {
    steps.push_back(std::make_unique<Metaspace>(MetaspaceOptions{field}));
  } else {
    type_field.refuse(
        "unknown pre-tokenizer; Split, Digits, ByteLevel, Metaspace, Punctuation, Whitespace, "
        "WhitespaceSplit and Sequence are supported");
  }
}

}  // namespace

PreTokenizerChain::PreTokenizerChain(JsonField const& field) {
  add_steps(field, steps_);
  if (steps_.size() > max_steps) {
    field.refuse(concat("has ", steps_.size(), " steps; allowed are ", max_steps));
  }
  if (!steps_.empty() && dynamic_cast<BytesToAlphabet const*>(steps_.back().get()) != nullptr) {
    steps_.pop_back();
    alphabet_ = WordAlphabet::bytes;
  }
  for (auto const& step : steps_) {
    auto const* const metaspace = dynamic_cast<Metaspace const*>(step.get());
    minds_first_ = minds_first_ || (metaspace != nullptr && metaspace->minds_first());
  }
}

void PreTokenizerChain::apply(WordList& list) const {
  for (auto const& step : steps_) {
    step->apply(list);
    check_text_bytes(list.text.size());
  }
}

}  // namespace talus::io::tokenizer
