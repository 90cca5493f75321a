// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/requests/request.hpp"

namespace talus::io {

/// A token and what the model thought of it.
struct RankedToken {
  std::int32_t token = 0;
  std::string bytes{};  ///< what it stands for, by itself; need not be whole characters
  /// Natural logarithm, before penalties, temperature and filters; not a number where there is
  /// none.
  float logprob = 0.0F;
  std::int32_t rank = 1;  ///< among the vocabulary at this position, the most probable is 1
};

/// A token of a text, and the most probable ones at its place.
struct TokenLogprob {
  RankedToken chosen;
  std::vector<RankedToken> top{};  ///< descending; as many as were asked for
};

/// Why an answer ended.
enum class FinishReason { stop, length, error, repetition };

/// As an answer names it.
[[nodiscard]] std::string_view name_of(FinishReason reason) noexcept;

/// The stop string or stop token id that ended a choice, where one did; of a repetition
/// "repetition_detected", as vLLM says.
using StopReason = std::variant<std::monostate, std::string, std::int32_t>;

/// What differs from run to run, under "x_talus". Times in seconds.
struct AnswerTimings {
  double ttft = 0.0;                ///< from arrival to the first token of any choice
  double queue = 0.0;               ///< from arrival to the first step that worked on it
  double latency = 0.0;             ///< from arrival to the last token
  std::int64_t preemptions = 0;     ///< of all that was made for it
  std::int64_t kv_blocks_peak = 0;  ///< the most of one choice
  std::int32_t replica = 0;
};

/// One of the texts that a model wrote for a request.
struct Choice {
  std::string text{};                      ///< bytes that are not UTF-8 become U+FFFD
  std::optional<std::string> reasoning{};  ///< chat only: what split_reasoning took out
  std::vector<std::int32_t> tokens{};      ///< that were drawn
  std::optional<std::vector<std::int32_t>> token_ids{};  ///< the same, to be told if asked for
  FinishReason finish_reason = FinishReason::stop;
  StopReason stop_reason{};
  /// If asked for: one a generated token, and before them, if echoed, one a token of the prompt.
  std::optional<std::vector<TokenLogprob>> logprobs{};
};

/// A finished request.
struct Answer {
  std::string custom_id{};
  Endpoint endpoint = Endpoint::completions;
  std::int64_t created = 0;  ///< seconds since 1970
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;              ///< of all choices, also of those not told
  std::optional<std::int64_t> reasoning_tokens{};  ///< of these, where reasoning is split off
  std::vector<Choice> choices{};
  std::optional<std::vector<std::int32_t>> prompt_token_ids{};  ///< if asked for
  /// If asked for: one a token of the prompt from its second on, as the first has none.
  std::optional<std::vector<TokenLogprob>> prompt_logprobs{};
  AnswerTimings timings{};
};

/// What all lines of an output share.
struct RunLabels {
  std::string run_id{};  ///< ids of answers are hashes of it and of the custom_id
  std::string model{};   ///< as the answers name it
};

/// An answer as a line of OpenAI's batch output, line break included.
///
/// Valid UTF-8 whatever the answer holds; keys always in the same order; a logprob in the fewest
/// digits that give the same float back, -9999.0 for minus infinity, null for not a number.
/// What was asked for stands in each choice, in vLLM's form: "logprobs", "token_ids", and of a
/// completion "prompt_token_ids" and "prompt_logprobs", which a chat has beside "choices";
/// "x_talus" stands in the body.
[[nodiscard]] std::string format_answer(Answer const& answer, RunLabels const& labels);

/// An error as a line of OpenAI's batch output, line break included.
[[nodiscard]] std::string format_error(RequestError const& error, RunLabels const& labels);

}  // namespace talus::io
