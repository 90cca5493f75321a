// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/sampling.hpp"
#include "runtime/sampling/repetition.hpp"
#include "runtime/sampling/thinking.hpp"
#include "runtime/sampling/token_counts.hpp"
#include "runtime/sampling/token_rules.hpp"

namespace talus::runtime {

/// The rules of a sequence at work: what they make of its next token.
///
/// A plain function of the rules and the tokens, so that every rank that holds the sequence has the
/// same. Costs of a token: its count, the bad words, the sizes of patterns; never the whole
/// sequence again.
class TokenGuide {
 public:
  TokenGuide(TokenRules rules, std::span<std::int32_t const> prompt);

  /// Takes in the last token of a sequence, prompt and output.
  void add(std::span<std::int32_t const> sequence);

  /// What is to be done to the logits of the next token; good until the next add().
  [[nodiscard]] kernels::LogitEdit edit() const;

  /// The next token, if it is not to be drawn.
  [[nodiscard]] std::optional<std::int32_t> forced() const { return thinking_.forced(); }

  /// Whether the output is long enough to end.
  [[nodiscard]] bool may_end() const noexcept { return num_output_ >= rules_.min_tokens; }

  /// Whether the output has begun to go round in circles.
  [[nodiscard]] bool is_circling() const noexcept { return repetition_.is_circling(); }

 private:
  void find_banned(std::span<std::int32_t const> output);

  TokenRules rules_;
  std::int64_t num_prompt_;
  std::int64_t num_output_ = 0;
  TokenCounts counts_;
  ThinkingWatch thinking_;
  RepetitionWatch repetition_;
  std::vector<std::int32_t> banned_;  ///< ascending
};

}  // namespace talus::runtime
