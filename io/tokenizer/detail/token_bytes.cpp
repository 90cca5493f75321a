// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/token_bytes.hpp"

#include "io/tokenizer/detail/text_limit.hpp"

namespace talus::io::tokenizer {

void TokenBytes::append(std::string_view bytes, Kind kind, bool is_byte) {
  bytes_ += bytes;
  check_text_bytes(bytes_.size());
  ends_.push_back(bytes_.size());
  kinds_.push_back(kind);
  is_byte_.push_back(is_byte);
}

}  // namespace talus::io::tokenizer
