// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/text_limit.hpp"

#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {

void check_text_bytes(std::size_t bytes) {
  if (bytes > max_text_bytes) {
    throw ConfigError{concat("a text of ",
                             bytes,
                             " bytes or more while it is tokenized (at most ",
                             max_text_bytes,
                             " are worked on)")};
  }
}

}  // namespace talus::io::tokenizer
