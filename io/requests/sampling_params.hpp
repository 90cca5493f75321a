// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace talus::io {

/// What is added to the logit of one token.
struct LogitBias {
  std::int32_t token = 0;
  float bias = 0.0F;

  bool operator==(LogitBias const&) const = default;
};

/// Ends an answer whose last tokens are one pattern, min_count times in a row.
struct RepetitionDetection {
  std::int32_t max_pattern_size = 0;  ///< tokens; 0: off
  std::int32_t min_pattern_size = 0;  ///< tokens; 0: one
  std::int32_t min_count = 0;

  bool operator==(RepetitionDetection const&) const = default;
};

/// How the tokens of one request are chosen, when it ends, and what is told of it.
///
/// The names and the neutral values are those of vLLM's SamplingParams.
struct SamplingParams {
  float temperature = 1.0F;                       ///< 0: greedy
  float top_p = 1.0F;                             ///< 1: off
  float min_p = 0.0F;                             ///< 0: off
  std::int32_t top_k = 0;                         ///< 0 or -1: off
  float repetition_penalty = 1.0F;                ///< of tokens of prompt and answer; 1: off
  float presence_penalty = 0.0F;                  ///< of tokens of the answer; 0: off
  float frequency_penalty = 0.0F;                 ///< the same, for each time that it has them
  std::vector<LogitBias> logit_bias{};            ///< each token once
  std::vector<std::int32_t> allowed_token_ids{};  ///< no others are chosen; empty: all
  std::vector<std::string> bad_words{};           ///< texts that the answer must not have
  std::optional<std::uint64_t> seed{};            ///< none: derived from the run's seed
  std::int32_t n = 1;                             ///< choices of an answer
  std::optional<std::int32_t> best_of{};  ///< answers made, of which the n most probable are told
  std::int32_t min_tokens = 0;            ///< before an answer may stop
  std::optional<std::int32_t> max_tokens{};  ///< none: as many as the context has room for
  std::vector<std::string> stop{};           ///< texts that end the answer
  bool include_stop_str_in_output = false;   ///< whether it keeps the text or token that ended it
  std::vector<std::int32_t> stop_token_ids{};
  bool ignore_eos = false;
  std::optional<std::int32_t> thinking_token_budget{};  ///< after so many, thinking is closed
  RepetitionDetection repetition_detection{};
  std::optional<std::int32_t> logprobs{};  ///< so many of the best at each token; 0: only its own
  std::optional<std::int32_t> prompt_logprobs{};  ///< likewise for the prompt's tokens
  bool return_token_ids = false;
  bool skip_special_tokens = true;
  bool echo = false;  ///< the answer begins with the prompt; of a chat: with its last message

  /// Answers made for the request, of which n are told.
  [[nodiscard]] std::int32_t num_samples() const noexcept { return best_of.value_or(n); }

  bool operator==(SamplingParams const&) const = default;
};

/// What is wrong with one parameter.
struct ParamProblem {
  std::string param{};    ///< its name as in a request
  std::string message{};  ///< "<name>: <value> (<what is allowed>)"
};

/// Most entries that `logprobs` and `prompt_logprobs` may ask for.
inline constexpr std::int32_t max_top_logprobs = 20;

/// Most stop strings of a request.
inline constexpr std::size_t max_stop_strings = 16;

/// Most choices of an answer, and most answers that `best_of` chooses from.
inline constexpr std::int32_t max_samples = 128;

/// Most bad words of a request.
inline constexpr std::size_t max_bad_words = 1000;

/// Largest pattern that `repetition_detection` looks for.
inline constexpr std::int32_t max_repetition_pattern = 4096;

/// Checks each value against its limits.
///
/// temperature >= 0 and finite; 0 < top_p <= 1; 0 <= min_p <= 1; top_k >= -1;
/// repetition_penalty > 0; presence and frequency penalties from -2 to 2; n and best_of from 1 to
/// 128, best_of >= n; max_tokens >= 1, or 0 with echo; 0 <= min_tokens <= max_tokens; logprobs and
/// prompt_logprobs from 0 to 20; at most 16 stop strings and 1000 bad words, none empty; token ids
/// not negative; thinking_token_budget >= 0; of repetition_detection, if it is on, sizes from 0 to
/// 4096, the least not above the greatest, and min_count >= 2. Whether tokens are of the
/// vocabulary is not known here.
///
/// \return  the first problem, none if all is well
[[nodiscard]] std::optional<ParamProblem> find_problem(SamplingParams const& params);

}  // namespace talus::io
