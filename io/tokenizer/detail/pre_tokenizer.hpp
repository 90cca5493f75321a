// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/regex.hpp"

namespace talus::io::tokenizer {

/// What the model's words are written in.
enum class WordAlphabet {
  characters,  ///< the vocabulary's characters
  bytes        ///< bytes, for each of which the vocabulary has a character (byte_alphabet.hpp)
};

/// A text that is being cut; the words are never empty, in order, and don't overlap.
struct WordList {
  std::string text;
  std::vector<Span> words;
  bool begins_text = false;  ///< the first byte is the first of what the user wrote
};

/// Cuts each word of a list into smaller ones.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  virtual void apply(WordList& list) const = 0;
};

/// All pre-tokenizers of a tokenizer, one after the other.
class PreTokenizerChain {
 public:
  /// Leaves a text whole.
  PreTokenizerChain() = default;

  /// \throws ConfigError  naming the field, if its type is unknown or it is damaged
  explicit PreTokenizerChain(JsonField const& field);

  /// Cuts a list that holds the text as one word.
  void apply(WordList& list) const;

  /// True if what becomes of a part of a text depends on whether it begins the text.
  [[nodiscard]] bool minds_first() const noexcept { return minds_first_; }

  /// If the last step puts characters in place of bytes it isn't done: the model reads the bytes.
  [[nodiscard]] WordAlphabet alphabet() const noexcept { return alphabet_; }

 private:
  std::vector<std::unique_ptr<PreTokenizer const>> steps_;
  WordAlphabet alphabet_ = WordAlphabet::characters;
  bool minds_first_ = false;
};

}  // namespace talus::io::tokenizer
