// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/tokenizer/detail/merge_table.hpp"
#include "io/tokenizer/token_id.hpp"

namespace talus::io::tokenizer {

/// Merges neighbours until no pair is in the table: each time the pair of smallest rank, the
/// leftmost of equals.
///
/// \param symbols  the word's smallest tokens; on return its tokens
///
/// Cost: O(n^2) with a small factor up to 48 symbols, O(n log n) above.
/// Reference: Sennrich, Haddow, Birch, Neural machine translation of rare words with subword units,
///            ACL 2016, algorithm 1.
void merge_word(MergeTable const& merges, std::vector<TokenId>& symbols);

}  // namespace talus::io::tokenizer
