// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "io/tokenizer/detail/json_field.hpp"
#include "io/tokenizer/detail/regex.hpp"

namespace talus::io::tokenizer {

/// What becomes of a delimiter that cuts a text: "a-b--c" cut at "-" gives
/// removed "a" "b" "c"; isolated "a" "-" "b" "-" "-" "c"; contiguous "a" "-" "b" "--" "c";
/// merged_with_previous "a-" "b-" "-" "c"; merged_with_next "a" "-b" "-" "-c".
enum class SplitBehavior { removed, isolated, contiguous, merged_with_previous, merged_with_next };

/// The behavior that `field` names. \throws ConfigError if there is none of that name
[[nodiscard]] SplitBehavior make_split_behavior(JsonField const& field);

/// Appends the words that `parts` (delimiters are matches) make, without empty ones.
void append_words(std::span<Match const> parts, SplitBehavior behavior, std::vector<Span>& words);

}  // namespace talus::io::tokenizer
