// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/tokenizer/text_state.hpp"
#include "io/tokenizer/token_id.hpp"
#include "io/tokenizer/tokenizer.hpp"

namespace talus::io {

/// Text of a sequence that is still growing: what push() and finish() return, put together, is
/// Tokenizer::decode() of all ids.
class StreamDecoder {
 public:
  /// `tokenizer` must outlive this object, and stay where it is.
  StreamDecoder(Tokenizer const& tokenizer, SkipSpecialTokens skip) noexcept
      : tokenizer_{&tokenizer}, skip_{skip} {}

  /// The text that the token makes final, perhaps none; never part of a character. A run of tokens
  /// that are a byte each becomes final with the token behind it: one bad byte spoils the whole
  /// run.
  [[nodiscard]] std::string push(TokenId id);

  /// What is left: U+FFFD if the last character is incomplete. The next push() starts a new text.
  [[nodiscard]] std::string finish();

 private:
  Tokenizer const* tokenizer_;
  SkipSpecialTokens skip_;
  tokenizer::TextState state_;
};

}  // namespace talus::io
