// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/completion.hpp"

#include <utility>

namespace talus::runtime {
namespace {

io::FinishReason reason_of(SequenceEnd end) {
  switch (end) {
    case SequenceEnd::length:
      return io::FinishReason::length;
    case SequenceEnd::repetition:
      return io::FinishReason::repetition;
    default:
      return io::FinishReason::stop;
  }
}

}  // namespace

Completion::Completion(io::Request const& request,
                       io::Tokenizer const& tokenizer,
                       io::SkipSpecialTokens skip)
    : request_{&request}, tokenizer_{&tokenizer}, decoder_{tokenizer, skip} {}

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
  io::SamplingParams const& params = request_->params;
  if (!times.first_token) {
    times.first_token = RequestTimes::Clock::now();
  }
  if (params.max_tokens == 0) {
    return false;  // only the prompt is wanted
  }
  ++num_tokens_;
  sum_logprob_ += static_cast<double>(event.results.logprob(event.row));
  if (params.logprobs) {
    logprobs_.push_back(logprob_of(event, *params.logprobs));
  }
  bool const ends_text = sequence.end == SequenceEnd::stop;
  if (ends_text && !params.include_stop_str_in_output) {
    return false;  // the token that ends a text is not part of it
  }
  std::size_t const old_size = text_.size();
  text_ += decoder_.push(sequence.tokens.back());
  return !ends_text && sequence.num_output_tokens() > params.min_tokens && find_stop(old_size);
}

void Completion::restore(io::SavedTokens const& saved) {
  auto const num_top = static_cast<std::size_t>(saved.num_top);
  bool const has_logprobs = !saved.logprobs.empty();
  for (std::size_t i = 0; i < saved.tokens.size(); ++i) {
    text_ += decoder_.push(saved.tokens[i]);
    sum_logprob_ += has_logprobs ? static_cast<double>(saved.logprobs[i]) : 0.0;
    if (!request_->params.logprobs) {
      continue;
    }
    io::TokenLogprob& logprob = logprobs_.emplace_back(
        io::TokenLogprob{ranked({saved.tokens[i], saved.logprobs[i]}, saved.ranks[i])});
    for (std::size_t top = 0; top < num_top; ++top) {
      std::size_t const at = i * num_top + top;
      logprob.top.push_back(ranked({saved.top_tokens[at], saved.top_logprobs[at]},
                                   static_cast<std::int32_t>(top) + 1));
    }
  }
  num_tokens_ = std::ssize(saved.tokens);
  unsaved_.first = static_cast<std::int32_t>(num_tokens_);
}

void Completion::note_unsaved(SequenceState const& sequence, TokenEvent event) {
  TokenResults const& results = event.results;
  unsaved_.tokens.push_back(sequence.tokens.back());
  if (sequence.input.logprobs < 0) {
    return;
  }
  unsaved_.num_top = sequence.input.logprobs;
  unsaved_.logprobs.push_back(results.logprob(event.row));
  unsaved_.ranks.push_back(results.rank(event.row));
  for (std::int32_t i = 0; i < unsaved_.num_top; ++i) {
    RankedToken const top = results.top(event.row, i);
    unsaved_.top_tokens.push_back(top.token);
    unsaved_.top_logprobs.push_back(top.logprob);
  }
}

io::SavedTokens Completion::take_unsaved() {
  auto const next = unsaved_.first + static_cast<std::int32_t>(unsaved_.tokens.size());
  return std::exchange(unsaved_, {.first = next});
}

bool Completion::find_stop(std::size_t old_size) {
  std::size_t end = std::string::npos;
  std::size_t first = std::string::npos;
  for (std::string const& stop : request_->params.stop) {
    std::size_t const from = old_size < stop.size() ? 0 : old_size - stop.size() + 1;
    std::size_t const at = text_.find(stop, from);
    if (at < first) {
      first = at;
      end = at + stop.size();
      stop_ = stop;
    }
  }
  if (first == std::string::npos) {
    return false;
  }
  text_.resize(request_->params.include_stop_str_in_output ? end : first);
  return true;
}

double Completion::mean_logprob() const noexcept {
  return num_tokens_ == 0 ? 0.0 : sum_logprob_ / static_cast<double>(num_tokens_);
}

io::Choice Completion::finish(SequenceOutcome const& outcome) {
  SequenceState const& sequence = outcome.sequence;
  io::SamplingParams const& params = request_->params;
  io::Choice choice;
  choice.text = std::move(text_);
  if (!stop_) {
    choice.text += decoder_.finish();
  }
  choice.finish_reason = reason_of(outcome.end);
  if (params.max_tokens == 0) {
    choice.finish_reason = io::FinishReason::length;
  } else if (stop_) {
    choice.finish_reason = io::FinishReason::stop;
    choice.stop_reason = *stop_;
  } else if (sequence.stop_token) {
    choice.stop_reason = *sequence.stop_token;
  } else if (outcome.end == SequenceEnd::repetition) {
    choice.stop_reason = std::string{"repetition_detected"};
  }
  auto const first = sequence.tokens.begin() + sequence.num_prompt_tokens();
  choice.tokens.assign(first, first + num_tokens_);
  if (params.return_token_ids) {
    choice.token_ids = choice.tokens;
  }
  if (params.logprobs) {
    choice.logprobs = std::move(logprobs_);
  }
  return choice;
}

}  // namespace talus::runtime
