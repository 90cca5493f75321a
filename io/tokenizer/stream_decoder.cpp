// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/stream_decoder.hpp"

namespace talus::io {

std::string StreamDecoder::push(TokenId id) {
  std::string text;
  tokenizer_->push(id, skip_, state_, text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  tokenizer_->finish(state_, text);
  return text;
}

}  // namespace talus::io
