// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/sampling.hpp"
#include "runtime/sampling/token_guide.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace talus::runtime {

/// A request as the engine takes it: tokens in, rules for the tokens out.
struct SequenceInput {
  std::int64_t number = 0;  ///< the caller's number of the request
  std::uint64_t key = 0;    ///< names the request to the random numbers
  std::uint64_t seed = 0;
  std::uint32_t sample = 0;       ///< which of the request's sequences, from 0
  std::uint32_t num_samples = 1;  ///< sequences of the request: consecutive, of the same prompt
  std::vector<std::int32_t> prompt{};  ///< token ids, at least one
  std::vector<std::int32_t> drawn{};   ///< tokens of the answer that an earlier run drew
  std::int32_t max_tokens = 1;         ///< of the answer at most; more than are drawn
  kernels::SampleRule rule{};          ///< its uniform is not used
  std::optional<TokenRules> rules{};   ///< none: nothing is asked of tokens but their rule
  bool ignore_eos = false;
  std::vector<std::int32_t> stop_tokens{};
  std::int32_t logprobs = -1;         ///< most probable tokens to tell of each new token; -1: none
  std::int32_t prompt_logprobs = -1;  ///< likewise of the prompt's tokens
};

/// Why a sequence ended.
enum class SequenceEnd { running, stop, length, repetition };

/// A sequence as every rank of its replica holds it.
struct SequenceState {
  SequenceInput input;
  std::vector<std::int32_t> tokens;      ///< prompt and drawn
  std::int32_t next_prompt_logprob = 1;  ///< first prompt position not told yet
  SequenceEnd end = SequenceEnd::running;
  std::optional<std::int32_t> stop_token;  ///< that ended it
  std::optional<TokenGuide> guide;         ///< if the input has rules

  [[nodiscard]] std::int32_t num_prompt_tokens() const noexcept {
    return static_cast<std::int32_t>(input.prompt.size());
  }

  [[nodiscard]] std::int32_t num_output_tokens() const noexcept {
    return static_cast<std::int32_t>(tokens.size() - input.prompt.size());
  }
};

/// Starts a sequence, behind the tokens that are drawn already; reserves what it can grow to.
[[nodiscard]] SequenceState start_sequence(SequenceInput input);

/// Adds a drawn token, and ends the sequence if it is the end of a text (an end-of-sequence token
/// of the model, a stop token of the request), the last one allowed, or goes round in circles.
void append_token(SequenceState& sequence, std::int32_t token, std::span<std::int32_t const> eos);

}  // namespace talus::runtime
