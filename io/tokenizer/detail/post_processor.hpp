// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// The tokens that a model wants around a text.
struct PostProcessor {
  std::vector<TokenId> before;
  std::vector<TokenId> behind;
};

/// The tokens that the post-processor in `field` adds to a single text.
///
/// \throws ConfigError  naming the field, if its type is unknown or it is damaged
[[nodiscard]] PostProcessor make_post_processor(JsonField const& field);

}  // namespace talus::io::tokenizer
