// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "io/tokenizer/utf8_gate.hpp"

namespace talus::io::tokenizer {

/// What decoding remembers from token to token; a new one begins a text.
struct TextState {
  Utf8Gate gate;
  std::string bytes;        ///< of tokens that are a byte each, up to here without a break
  std::string held;         ///< what the end of the text may yet take away
  std::size_t num_cut = 0;  ///< characters taken away from the beginning
  bool cuts_begin = true;   ///< nothing but such characters has come
  bool has_tokens = false;
};

}  // namespace talus::io::tokenizer
