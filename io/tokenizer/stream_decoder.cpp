// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/stream_decoder.hpp"

namespace talus::io {

std::string StreamDecoder::push(TokenId id) {
  std::string text;
  if (tokenizer_->is_skipped(id, skip_)) {
    return text;
  }
  if (!is_first_) {
    gate_.push(tokenizer_->separator(), text);
  }
  is_first_ = false;
  gate_.push(tokenizer_->token_bytes(id), text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  gate_.finish(text);
  is_first_ = true;
  return text;
}

}  // namespace talus::io
