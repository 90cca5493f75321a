// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/completion.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace talus::runtime {
namespace {

io::SkipSpecialTokens skip_of(io::SamplingParams const& params) {
  return params.skip_special_tokens ? io::SkipSpecialTokens::yes : io::SkipSpecialTokens::no;
}

double seconds(RequestTimes::Clock::time_point from, RequestTimes::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Completion::Completion(io::Request request, io::Tokenizer const& tokenizer)
    : request_{std::move(request)},
      tokenizer_{&tokenizer},
      decoder_{tokenizer, skip_of(request_.params)} {}

io::RankedToken Completion::ranked(RankedToken token, std::int32_t rank) const {
  return {.token = token.token,
          .bytes = std::string{tokenizer_->token_bytes(token.token)},
          .logprob = token.logprob,
          .rank = rank};
}

io::TokenLogprob Completion::logprob_of(TokenEvent event, std::int32_t num_top) const {
  TokenResults const& results = event.results;
  io::TokenLogprob logprob;
  logprob.chosen =
      ranked({results.token(event.row), results.logprob(event.row)}, results.rank(event.row));
  for (std::int32_t i = 0; i < num_top; ++i) {
    logprob.top.push_back(ranked(results.top(event.row, i), i + 1));
  }
  return logprob;
}

bool Completion::add_token(SequenceState const& sequence, TokenEvent event) {
  if (!times.first_token) {
    times.first_token = RequestTimes::Clock::now();
  }
  if (request_.params.logprobs) {
    logprobs_.push_back(logprob_of(event, *request_.params.logprobs));
  }
  if (sequence.end == SequenceEnd::stop) {
    return false;  // the token that ends a text is not part of it
  }
  std::size_t const old_size = text_.size();
  text_ += decoder_.push(sequence.tokens.back());
  return find_stop(old_size);
}

bool Completion::find_stop(std::size_t old_size) {
  std::size_t first = std::string::npos;
  for (std::string const& stop : request_.params.stop) {
    std::size_t const from = old_size < stop.size() ? 0 : old_size - stop.size() + 1;
    std::size_t const at = text_.find(stop, from);
    if (at < first) {
      first = at;
      stop_ = stop;
    }
  }
  if (first == std::string::npos) {
    return false;
  }
  text_.resize(first);
  return true;
}

void Completion::add_prompt_token(TokenEvent event) {
  prompt_logprobs_.push_back(logprob_of(event, *request_.params.prompt_logprobs));
}

io::Answer Completion::finish(SequenceOutcome const& outcome, io::ReasoningParser reasoning) {
  SequenceState const& sequence = outcome.sequence;
  io::SamplingParams const& params = request_.params;
  io::Answer answer;
  answer.custom_id = request_.custom_id;
  answer.endpoint = request_.endpoint;
  answer.created = static_cast<std::int64_t>(std::time(nullptr));
  answer.prompt_tokens = sequence.num_prompt_tokens();
  answer.completion_tokens = sequence.num_output_tokens();
  answer.text = std::move(text_);
  if (!stop_) {
    answer.text += decoder_.finish();
  }
  answer.finish_reason =
      outcome.end == SequenceEnd::length ? io::FinishReason::length : io::FinishReason::stop;
  if (stop_) {
    answer.finish_reason = io::FinishReason::stop;
    answer.stop_reason = *stop_;
  } else if (sequence.stop_token) {
    answer.stop_reason = *sequence.stop_token;
  }
  if (params.return_token_ids) {
    answer.token_ids.emplace(sequence.tokens.begin() + sequence.num_prompt_tokens(),
                             sequence.tokens.end());
    answer.prompt_token_ids = sequence.input.prompt;
  }
  if (params.logprobs) {
    answer.logprobs = std::move(logprobs_);
  }
  if (params.prompt_logprobs) {
    answer.prompt_logprobs = std::move(prompt_logprobs_);
  }
  if (request_.endpoint == io::Endpoint::chat && reasoning != io::ReasoningParser::none) {
    io::SplitAnswer parts = io::split_reasoning(answer.text, reasoning);
    answer.reasoning = std::move(parts.reasoning);
    answer.text = std::move(parts.content);
  }
  auto const now = RequestTimes::Clock::now();
  answer.timings = {.ttft = seconds(times.arrival, times.first_token.value_or(now)),
                    .queue = seconds(times.arrival, times.scheduled.value_or(now)),
                    .latency = seconds(times.arrival, now),
                    .preemptions = outcome.preemptions,
                    .kv_blocks_peak = outcome.kv_blocks_peak,
                    .replica = 0};
  return answer;
}

}  // namespace talus::runtime
