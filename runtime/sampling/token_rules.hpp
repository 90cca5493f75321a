// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/sampling.hpp"

namespace talus::runtime {

/// Ends a sequence whose output goes round in circles: its last tokens are one pattern, of
/// [min_size, max_size] tokens, min_count times in a row.
struct RepetitionRule {
  std::int32_t min_size = 1;
  std::int32_t max_size = 0;  ///< 0: off
  std::int32_t min_count = 2;
};

/// Closes a model's thinking once it has taken so many tokens.
struct ThinkingRule {
  std::int32_t budget = -1;           ///< tokens; -1: off
  std::vector<std::int32_t> open{};   ///< the mark that begins thinking, at least one token
  std::vector<std::int32_t> close{};  ///< the mark that ends it, at least one token
};

/// What a request asks of its tokens beyond how they are drawn. Tokens are of the vocabulary.
struct TokenRules {
  float repetition_penalty = 1.0F;         ///< of tokens of prompt and output; 1: off
  float presence_penalty = 0.0F;           ///< of tokens of the output
  float frequency_penalty = 0.0F;          ///< of tokens of the output, for each time
  std::int32_t min_tokens = 0;             ///< of the output, before it may end
  std::vector<std::int32_t> end_tokens{};  ///< ascending: not drawn before min_tokens
  std::vector<std::int32_t> allowed{};     ///< ascending: no others are drawn; empty: all
  std::vector<kernels::TokenBias> biases{};
  /// Of each sequence of tokens the last one is not drawn where the output ends with the others.
  std::vector<std::vector<std::int32_t>> bad_words{};
  ThinkingRule thinking{};
  RepetitionRule repetition{};

  [[nodiscard]] bool has_penalties() const noexcept {
    return repetition_penalty != 1.0F || presence_penalty != 0.0F || frequency_penalty != 0.0F;
  }

  /// Whether they ask for nothing.
  [[nodiscard]] bool is_empty() const noexcept {
    return !has_penalties() && min_tokens == 0 && allowed.empty() && biases.empty() &&
           bad_words.empty() && thinking.budget < 0 && repetition.max_size == 0;
  }
};

}  // namespace talus::runtime
