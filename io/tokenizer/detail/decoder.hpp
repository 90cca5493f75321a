// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/text_state.hpp"

namespace talus::io::tokenizer {

/// Turns the vocabulary's spellings back into text: first each token by itself, then runs of tokens
/// that are a byte each, then the beginning and the end of the text.
class Decoder {
 public:
  /// Writes spellings as they are, with a blank between two.
  Decoder() = default;

  /// \throws ConfigError  naming the field, if its type is unknown, it is damaged, or a step comes
  ///                      behind one that joins the tokens
  explicit Decoder(JsonField const& field);

  /// What one token gives.
  struct Piece {
    std::string bytes;
    bool is_byte = false;  ///< one byte of a run, for byte fallback
  };

  /// \param is_first  whether the token begins the text
  [[nodiscard]] Piece piece_of(std::string_view token, bool is_first) const;

  /// True if piece_of() asks whether the token is the first.
  [[nodiscard]] bool minds_first() const noexcept { return minds_first_; }

  /// What stands between two tokens, if anything.
  void push_separator(TextState& state, std::string& text) const {
    state.gate.push(separator_, text);
  }

  /// Appends to `text` what a token's piece makes final.
  void push(std::string_view bytes, bool is_byte, TextState& state, std::string& text) const;

  /// Appends what is left, and begins a new text.
  void finish(TextState& state, std::string& text) const;

  /// Changes one token.
  class Step {
   public:
    virtual ~Step() = default;
    [[nodiscard]] virtual std::string apply(std::string_view token, bool is_first) const = 0;
  };

 private:
  /// How the tokens hang together so far.
  enum class Stage { tokens, byte_runs, one_text };

  void add_steps(JsonField const& field);
  void add_step(JsonField const& field, std::string const& type);
  void add_strip(JsonField const& field);
  void append(std::string_view chunk, TextState& state, std::string& text) const;
  void flush_bytes(TextState& state, std::string& text) const;
  [[nodiscard]] std::string_view cut_begin(std::string_view chunk, TextState& state) const;

  std::vector<std::unique_ptr<Step const>> steps_;
  Stage stage_ = Stage::tokens;
  bool minds_first_ = false;
  bool falls_back_ = false;
  std::string stripped_;         // the character that the text's beginning and end lose
  std::size_t strip_begin_ = 0;  // at most so many of it
  std::size_t strip_end_ = 0;
  std::string_view separator_ = " ";
};

}  // namespace talus::io::tokenizer
