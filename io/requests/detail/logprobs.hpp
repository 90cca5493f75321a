// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "io/requests/answer.hpp"
#include "io/requests/detail/json_writer.hpp"

namespace talus::io::detail {

/// Writes log-probabilities as the value of a completion's "logprobs": text_offset (characters of
/// the tokens before), token_logprobs, tokens, top_logprobs (the token itself, then the best).
void write_completion_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens);

/// Writes log-probabilities as the value of a chat's "logprobs".
void write_chat_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens);

/// Writes log-probabilities of a prompt: null for its first token, then an object for each with the
/// token itself and the best, by token id.
void write_prompt_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens);

}  // namespace talus::io::detail
