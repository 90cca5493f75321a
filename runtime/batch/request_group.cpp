// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/request_group.hpp"

#include <algorithm>
#include <ctime>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"

namespace talus::runtime {
namespace {

double seconds(RequestTimes::Clock::time_point from, RequestTimes::Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The first `num_top` of what was told of a token.
io::TokenLogprob cut(io::TokenLogprob logprob, std::int32_t num_top) {
  logprob.top.resize(std::min(logprob.top.size(), static_cast<std::size_t>(num_top)));
  return logprob;
}

}  // namespace

RequestGroup::RequestGroup(io::Request request,
                           std::vector<std::int32_t> prompt,
                           TextModel const& text,
                           io::ReasoningParser reasoning)
    : request_{std::move(request)},
      prompt_{std::move(prompt)},
      text_{&text},
      reasoning_{reasoning} {
  constexpr std::size_t tail_tokens = 64;  // a mark and some white space
  bool keeps_special = !request_.params.skip_special_tokens;
  if (splits_reasoning()) {
    keeps_special = keeps_special || io::needs_special_tokens(reasoning_);
    auto const tail = std::span{prompt_}.last(std::min(prompt_.size(), tail_tokens));
    prompt_thinking_ =
        io::prompt_thinking(text.tokenizer().decode(tail, io::SkipSpecialTokens::no), reasoning_);
  }
  auto const skip = keeps_special ? io::SkipSpecialTokens::no : io::SkipSpecialTokens::yes;
  auto const num_samples = static_cast<std::size_t>(request_.params.num_samples());
  for (std::size_t i = 0; i < num_samples; ++i) {
    samples_.emplace_back(request_, text.tokenizer(), skip);
  }
  finished_.resize(num_samples);
}

bool RequestGroup::splits_reasoning() const noexcept {
  return request_.endpoint == io::Endpoint::chat && reasoning_ != io::ReasoningParser::none;
}

void RequestGroup::add_prompt_token(TokenEvent event) {
  std::int32_t const echoed = request_.params.echo ? request_.params.logprobs.value_or(-1) : -1;
  std::int32_t const num_top = std::max(request_.params.prompt_logprobs.value_or(-1), echoed);
  prompt_logprobs_.push_back(samples_.front().logprob_of(event, num_top));
}

bool RequestGroup::finish(SequenceOutcome const& outcome) {
  SequenceState const& sequence = outcome.sequence;
  std::uint32_t const number = sequence.input.sample;
  Completion& sample = samples_[number];
  bool const is_told = request_.params.max_tokens != 0;
  Finished& finished = finished_[number].emplace();
  finished.choice = sample.finish(outcome);
  finished.mean_logprob = sample.mean_logprob();
  finished.num_tokens = is_told ? sequence.num_output_tokens() : 0;
  if (splits_reasoning()) {
    split(finished.choice);
    finished.num_reasoning = count_reasoning(sequence, finished.choice);
  }
  RequestTimes const& times = sample.times;
  auto const now = RequestTimes::Clock::now();
  double const ttft = seconds(times.arrival, times.first_token.value_or(now));
  double const queue = seconds(times.arrival, times.scheduled.value_or(now));
  bool const is_first = num_finished_ == 0;
  timings_.ttft = is_first ? ttft : std::min(timings_.ttft, ttft);
  timings_.queue = is_first ? queue : std::min(timings_.queue, queue);
  timings_.latency = seconds(times.arrival, now);
  timings_.preemptions += outcome.preemptions;
  timings_.kv_blocks_peak = std::max<std::int64_t>(timings_.kv_blocks_peak, outcome.kv_blocks_peak);
  ++num_finished_;
  return num_finished_ == finished_.size();
}

void RequestGroup::split(io::Choice& choice) const {
  io::SplitAnswer parts = io::split_reasoning(choice.text, reasoning_, prompt_thinking_);
  choice.reasoning = std::move(parts.reasoning);
  choice.text = std::move(parts.content);
}

/// Tokens before the closing mark, without those of an opening one.
std::int64_t RequestGroup::count_reasoning(SequenceState const& sequence,
                                           io::Choice const& choice) const {
  if (!choice.reasoning) {
    return 0;
  }
  ThinkingTokens const marks = thinking_tokens(text_->tokenizer(), reasoning_);
  auto const first = sequence.tokens.begin() + sequence.num_prompt_tokens();
  auto const close =
      std::search(first, sequence.tokens.end(), marks.close.begin(), marks.close.end());
  auto const open = std::search(first, close, marks.open.begin(), marks.open.end());
  return close - first - (open == close ? 0 : std::ssize(marks.open));
}

/// The samples that become choices: all in order, or the most probable ones, the best first.
std::vector<std::size_t> RequestGroup::chosen() const {
  std::vector<std::size_t> order(finished_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto const wanted = static_cast<std::size_t>(request_.params.n);
  if (wanted < order.size()) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return finished_[a]->mean_logprob > finished_[b]->mean_logprob;
    });
    order.resize(wanted);
  }
  return order;
}

std::string RequestGroup::echoed_text() const {
  if (auto const* const chat = std::get_if<io::ChatPrompt>(&request_.prompt)) {
    io::Json const last = io::parse_json(chat->json, "messages")["messages"].back();
    bool const goes_on = last.value("role", "") == "assistant" && last.contains("content") &&
                         last["content"].is_string();
    return goes_on ? last["content"].get<std::string>() : std::string{};
  }
  auto const* const text = std::get_if<std::string>(&request_.prompt);
  if (text != nullptr && !request_.prompt_rules.truncate_prompt_tokens) {
    return *text;
  }
  return text_->tokenizer().decode(prompt_, io::SkipSpecialTokens::no);
}

std::vector<io::TokenLogprob> RequestGroup::echoed_logprobs() const {
  std::int32_t const first = prompt_.front();
  std::vector<io::TokenLogprob> logprobs{
      {.chosen = {.token = first,
                  .bytes = std::string{text_->tokenizer().token_bytes(first)},
                  .logprob = std::numeric_limits<float>::quiet_NaN()}}};
  for (io::TokenLogprob const& logprob : prompt_logprobs_) {
    logprobs.push_back(cut(logprob, *request_.params.logprobs));
  }
  return logprobs;
}

void RequestGroup::echo(io::Answer& answer) const {
  std::string const text = echoed_text();
  bool const has_logprobs =
      request_.params.logprobs && request_.endpoint == io::Endpoint::completions;
  auto const logprobs = has_logprobs ? echoed_logprobs() : std::vector<io::TokenLogprob>{};
  for (io::Choice& choice : answer.choices) {
    choice.text.insert(0, text);
    if (has_logprobs) {
      choice.logprobs->insert(choice.logprobs->begin(), logprobs.begin(), logprobs.end());
    }
  }
}

void RequestGroup::add_prompt(io::Answer& answer) {
  io::SamplingParams const& params = request_.params;
  if (params.echo) {
    echo(answer);
  }
  if (params.prompt_logprobs) {
    answer.prompt_logprobs.emplace();
    for (io::TokenLogprob& logprob : prompt_logprobs_) {
      answer.prompt_logprobs->push_back(cut(std::move(logprob), *params.prompt_logprobs));
    }
  }
  if (params.return_token_ids) {
    answer.prompt_token_ids = std::move(prompt_);
  }
}

io::Answer RequestGroup::answer() {
  io::Answer answer;
  answer.custom_id = request_.custom_id;
  answer.endpoint = request_.endpoint;
  answer.created = static_cast<std::int64_t>(std::time(nullptr));
  answer.prompt_tokens = std::ssize(prompt_);
  std::int64_t num_reasoning = 0;
  for (auto const& finished : finished_) {
    answer.completion_tokens += finished->num_tokens;
    num_reasoning += finished->num_reasoning;
  }
  if (splits_reasoning()) {
    answer.reasoning_tokens = num_reasoning;
  }
  for (std::size_t const sample : chosen()) {
    answer.choices.push_back(std::move(finished_[sample]->choice));
  }
  add_prompt(answer);
  answer.timings = timings_;
  return answer;
}

}  // namespace talus::runtime
