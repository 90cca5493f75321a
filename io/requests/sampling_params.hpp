// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace talus::io {

/// How the tokens of one request are chosen, when it ends, and what is told of it.
///
/// The names and the neutral values are those of vLLM's SamplingParams.
struct SamplingParams {
  float temperature = 1.0F;                  ///< 0: greedy
  float top_p = 1.0F;                        ///< 1: off
  float min_p = 0.0F;                        ///< 0: off
  std::int32_t top_k = 0;                    ///< 0 or -1: off
  std::optional<std::uint64_t> seed{};       ///< none: derived from the run's seed
  std::optional<std::int32_t> max_tokens{};  ///< none: as many as the context has room for
  std::vector<std::string> stop{};           ///< texts that end the answer and are left out of it
  std::vector<std::int32_t> stop_token_ids{};
  bool ignore_eos = false;
  std::optional<std::int32_t> logprobs{};  ///< so many of the best at each token; 0: only its own
  std::optional<std::int32_t> prompt_logprobs{};  ///< likewise for the prompt's tokens
  bool return_token_ids = false;
  bool skip_special_tokens = true;

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

/// Checks each value against its limits.
///
/// temperature >= 0 and finite; 0 < top_p <= 1; 0 <= min_p <= 1; top_k >= -1; max_tokens >= 1;
/// logprobs and prompt_logprobs from 0 to 20; at most 16 stop strings, none empty; stop token ids
/// not negative.
///
/// \return  the first problem, none if all is well
[[nodiscard]] std::optional<ParamProblem> find_problem(SamplingParams const& params);

}  // namespace talus::io
