// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/sequence_inputs.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <utility>

#include <xxhash.h>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

std::vector<std::int32_t> ascending(std::vector<std::int32_t> tokens) {
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

void need_known(std::string_view param, std::int32_t token, std::int64_t vocab) {
  if (token < 0 || token >= vocab) {
    throw ConfigError{concat(param, ": token id ", token, " (the vocabulary has ", vocab, ')')};
  }
}

void need_known(std::string_view param, std::span<std::int32_t const> tokens, std::int64_t vocab) {
  for (std::int32_t const token : tokens) {
    need_known(param, token, vocab);
  }
}

/// As vLLM reads them: a word is banned as it stands at the beginning of a text, and in its midst,
/// where the space before it makes another first token of it.
std::vector<std::vector<std::int32_t>> bad_words_of(io::SamplingParams const& params,
                                                    io::Tokenizer const& tokenizer) {
  std::vector<std::vector<std::int32_t>> words;
  for (std::string const& word : params.bad_words) {
    std::string const bare = word.substr(std::min(word.find_first_not_of(" \t\r\n"), word.size()));
    auto first = tokenizer.encode(bare, io::AddSpecialTokens::no);
    auto inner = tokenizer.encode(" " + bare, io::AddSpecialTokens::no);
    if (first.empty()) {
      throw ConfigError{concat("bad_words: \"", word, "\" (it has no tokens)")};
    }
    bool const is_other =
        !inner.empty() && inner.front() != first.front() && inner.size() == first.size();
    words.push_back(std::move(first));
    if (is_other) {
      words.push_back(std::move(inner));
    }
  }
  return words;
}

TokenRules token_rules(io::SamplingParams const& params,
                       BatchRules const& rules,
                       TextModel const& text) {
  TokenRules tokens;
  tokens.repetition_penalty = params.repetition_penalty;
  tokens.presence_penalty = params.presence_penalty;
  tokens.frequency_penalty = params.frequency_penalty;
  tokens.min_tokens = params.min_tokens;
  if (params.min_tokens > 0) {
    tokens.end_tokens = params.stop_token_ids;
    std::copy_if(rules.eos_tokens.begin(),
                 rules.eos_tokens.end(),
                 std::back_inserter(tokens.end_tokens),
                 [&](std::int32_t token) { return token < rules.vocab; });
    tokens.end_tokens = ascending(std::move(tokens.end_tokens));
  }
  need_known("allowed_token_ids", params.allowed_token_ids, rules.vocab);
  tokens.allowed = ascending(params.allowed_token_ids);
  for (io::LogitBias const& entry : params.logit_bias) {
    need_known("logit_bias", entry.token, rules.vocab);
    tokens.biases.push_back({entry.token, entry.bias});
  }
  tokens.bad_words = bad_words_of(params, text.tokenizer());
  for (std::vector<std::int32_t> const& word : tokens.bad_words) {
    need_known("bad_words", word, rules.vocab);
  }
  if (params.thinking_token_budget) {
    ThinkingTokens const marks = thinking_tokens(text.tokenizer(), rules.reasoning);
    need_known("thinking_token_budget", marks.close, rules.vocab);
    tokens.thinking = {*params.thinking_token_budget, marks.open, marks.close};
  }
  io::RepetitionDetection const& circle = params.repetition_detection;
  tokens.repetition = {.min_size = std::max(circle.min_pattern_size, 1),
                       .max_size = circle.max_pattern_size,
                       .min_count = circle.min_count};
  return tokens;
}

/// How many tokens of a prompt stand before its text: special ones, that stay where it is cut.
std::int64_t num_before_text(std::vector<std::int32_t> const& prompt,
                             io::Request const& request,
                             BatchRules const& rules,
                             TextModel const& text) {
  if (request.prompt_rules.truncation_side || !request.prompt_rules.add_special_tokens) {
    return 0;
  }
  std::vector<std::int32_t> const bare = text.encode_bare(request, rules.vocab);
  auto const at = std::search(prompt.begin(), prompt.end(), bare.begin(), bare.end());
  return at == prompt.end() ? 0 : at - prompt.begin();
}

/// Cuts a prompt to the length that the request names.
void truncate(std::vector<std::int32_t>& prompt,
              io::Request const& request,
              BatchRules const& rules,
              TextModel const& text) {
  auto const& wanted = request.prompt_rules.truncate_prompt_tokens;
  if (!wanted) {
    return;
  }
  std::int64_t const answer = std::max(request.params.max_tokens.value_or(1), 1);
  std::int64_t const room = std::max<std::int64_t>(rules.max_model_len - answer, 1);
  std::int64_t const most = *wanted > 0 ? *wanted : room;
  std::int64_t const surplus = std::ssize(prompt) - most;
  if (surplus <= 0) {
    return;
  }
  if (request.prompt_rules.truncation_side == io::TruncationSide::right) {
    prompt.resize(static_cast<std::size_t>(most));
    return;
  }
  std::int64_t const kept = std::min(num_before_text(prompt, request, rules, text), most);
  prompt.erase(prompt.begin() + kept, prompt.begin() + kept + surplus);
}

/// How many tokens the answer may have after a prompt of that length.
std::int32_t max_tokens_of(io::SamplingParams const& params,
                           BatchRules const& rules,
                           std::int64_t length) {
  if (length == 0) {
    throw ConfigError{"prompt: no tokens (at least one is needed)"};
  }
  std::int64_t const room = rules.max_model_len - length;
  if (room < 1) {
    throw ConfigError{concat("prompt: ",
                             length,
                             " tokens (at most ",
                             rules.max_model_len - 1,
                             ", so that one can follow; see --max-model-len)")};
  }
  auto const fewer = static_cast<std::int32_t>(room);
  auto const wanted =
      params.max_tokens.value_or(std::min(rules.defaults.max_tokens.value_or(fewer), fewer));
  if (wanted > room || params.min_tokens > room) {
    bool const is_most = wanted > room;
    throw ConfigError{concat(is_most ? "max_tokens: " : "min_tokens: ",
                             is_most ? wanted : params.min_tokens,
                             " after ",
                             length,
                             " tokens of prompt (at most ",
                             room,
                             "; see --max-model-len)")};
  }
  return std::max({wanted, params.min_tokens, 1});  // 0 of an echo: one is drawn, and not told
}

}  // namespace

std::uint64_t request_key(std::string_view custom_id) {
  return XXH3_64bits(custom_id.data(), custom_id.size());
}

std::vector<SequenceInput> make_sequence_inputs(io::Request const& request,
                                                std::int64_t number,
                                                BatchRules const& rules,
                                                TextModel const& text) {
  io::SamplingParams const& params = request.params;
  need_known("stop_token_ids", params.stop_token_ids, rules.vocab);
  SequenceInput input;
  input.number = number;
  input.key = params.seed ? 0 : request_key(request.custom_id);
  input.seed = params.seed.value_or(rules.seed);
  input.num_samples = static_cast<std::uint32_t>(params.num_samples());
  input.prompt = text.encode(request, rules.vocab);
  truncate(input.prompt, request, rules, text);
  input.max_tokens = max_tokens_of(params, rules, std::ssize(input.prompt));
  input.rule = {.temperature = params.temperature,
                .top_k = std::max(params.top_k, 0),
                .top_p = params.top_p,
                .min_p = params.min_p,
                .uniform = 0.0F};
  if (TokenRules tokens = token_rules(params, rules, text); !tokens.is_empty()) {
    input.rules = std::move(tokens);
  }
  input.ignore_eos = params.ignore_eos;
  input.stop_tokens = params.stop_token_ids;
  bool const is_chosen = params.num_samples() > params.n;
  input.logprobs = params.logprobs.value_or(is_chosen ? 0 : -1);
  std::vector<SequenceInput> inputs(input.num_samples, input);
  std::int32_t const echoed = params.echo && request.endpoint == io::Endpoint::completions
                                  ? params.logprobs.value_or(-1)
                                  : -1;
  inputs.front().prompt_logprobs = std::max(params.prompt_logprobs.value_or(-1), echoed);
  for (std::uint32_t sample = 0; sample < input.num_samples; ++sample) {
    inputs[sample].sample = sample;
  }
  return inputs;
}

}  // namespace talus::runtime
