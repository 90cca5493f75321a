// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "io/tokenizer/token_id.hpp"
#include "io/tokenizer/tokenizer.hpp"
#include "io/tokenizer/utf8_gate.hpp"

namespace talus::io {

/// Text of a sequence that is still growing: what push() and finish() return, put together, is
/// Tokenizer::decode() of all ids.
class StreamDecoder {
 public:
  /// `tokenizer` must outlive this object, and stay where it is.
  StreamDecoder(Tokenizer const& tokenizer, SkipSpecialTokens skip) noexcept
      : tokenizer_{&tokenizer}, skip_{skip} {}

  /// The text that the token makes final, perhaps none; never part of a character.
  [[nodiscard]] std::string push(TokenId id);

  /// What is left: U+FFFD if the last character is incomplete. The next push() starts a new text.
  [[nodiscard]] std::string finish();

 private:
  Tokenizer const* tokenizer_;
  SkipSpecialTokens skip_;
  tokenizer::Utf8Gate gate_;
  bool is_first_ = true;
};

}  // namespace talus::io
