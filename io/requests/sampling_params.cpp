// SPDX-License-Identifier: Apache-2.0
#include "io/requests/sampling_params.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

// The first problem among the checks that are made.
class Checks {
 public:
  template <class Value>
  void need(bool is_good, std::string_view param, Value const& value, std::string_view allowed) {
    if (!is_good && !found_) {
      found_ = ParamProblem{std::string{param}, concat(param, ": ", value, " (", allowed, ')')};
    }
  }

  void need_count(std::optional<std::int32_t> count, std::string_view param) {
    if (count) {
      need(*count >= 0 && *count <= max_top_logprobs,
           param,
           *count,
           concat("must be from 0 to ", max_top_logprobs));
    }
  }

  [[nodiscard]] std::optional<ParamProblem> found() const { return found_; }

 private:
  std::optional<ParamProblem> found_;
};

void check_filters(SamplingParams const& params, Checks& checks) {
  checks.need(std::isfinite(params.temperature) && params.temperature >= 0.0F,
              "temperature",
              params.temperature,
              "must be 0, for greedy, or a number above it");
  checks.need(params.top_p > 0.0F && params.top_p <= 1.0F,
              "top_p",
              params.top_p,
              "must be above 0 and at most 1, which is off");
  checks.need(params.min_p >= 0.0F && params.min_p <= 1.0F,
              "min_p",
              params.min_p,
              "must be from 0, which is off, to 1");
  checks.need(
      params.top_k >= -1, "top_k", params.top_k, "must be positive, or 0 or -1, which are off");
}

void check_penalties(SamplingParams const& params, Checks& checks) {
  checks.need(std::isfinite(params.repetition_penalty) && params.repetition_penalty > 0.0F,
              "repetition_penalty",
              params.repetition_penalty,
              "must be above 0; 1 is off");
  auto const need_shift = [&](float value, std::string_view param) {
    checks.need(value >= -2.0F && value <= 2.0F, param, value, "must be from -2 to 2; 0 is off");
  };
  need_shift(params.presence_penalty, "presence_penalty");
  need_shift(params.frequency_penalty, "frequency_penalty");
}

bool has_empty(std::vector<std::string> const& texts) {
  return std::any_of(texts.begin(), texts.end(), [](auto const& text) { return text.empty(); });
}

void check_tokens(SamplingParams const& params, Checks& checks) {
  constexpr std::string_view allowed = "a token id is not negative";
  for (auto const& entry : params.logit_bias) {
    checks.need(entry.token >= 0, "logit_bias", entry.token, allowed);
    checks.need(std::isfinite(entry.bias), "logit_bias", entry.bias, "must be finite");
  }
  for (auto const token : params.allowed_token_ids) {
    checks.need(token >= 0, "allowed_token_ids", token, allowed);
  }
  checks.need(params.bad_words.size() <= max_bad_words,
              "bad_words",
              concat(params.bad_words.size(), " words"),
              concat("at most ", max_bad_words, " are allowed"));
  checks.need(!has_empty(params.bad_words), "bad_words", "an empty string", "it bans nothing");
}

void check_samples(SamplingParams const& params, Checks& checks) {
  std::string const allowed = concat("must be from 1 to ", max_samples);
  checks.need(params.n >= 1 && params.n <= max_samples, "n", params.n, allowed);
  if (params.best_of) {
    checks.need(*params.best_of >= 1 && *params.best_of <= max_samples,
                "best_of",
                *params.best_of,
                allowed);
    checks.need(*params.best_of >= params.n,
                "best_of",
                *params.best_of,
                concat("must be at least n = ", params.n));
  }
}

void check_lengths(SamplingParams const& params, Checks& checks) {
  auto const& most = params.max_tokens;
  if (most) {
    checks.need(*most >= (params.echo ? 0 : 1),
                "max_tokens",
                *most,
                params.echo ? "must not be negative" : "must be at least 1");
  }
  checks.need(params.min_tokens >= 0, "min_tokens", params.min_tokens, "must not be negative");
  checks.need(!most || params.min_tokens <= *most,
              "min_tokens",
              params.min_tokens,
              concat("must be at most max_tokens = ", most.value_or(0)));
  auto const& budget = params.thinking_token_budget;
  checks.need(!budget || *budget >= 0,
              "thinking_token_budget",
              budget.value_or(0),
              "must not be negative; -1 is off");
}

void check_repetition(RepetitionDetection const& rule, Checks& checks) {
  constexpr std::string_view param = "repetition_detection";
  std::string const allowed = concat("a size must be from 0 to ", max_repetition_pattern);
  for (auto const size : {rule.max_pattern_size, rule.min_pattern_size}) {
    checks.need(size >= 0 && size <= max_repetition_pattern, param, size, allowed);
  }
  checks.need(
      rule.min_pattern_size <= rule.max_pattern_size,
      param,
      rule.min_pattern_size,
      concat("min_pattern_size must be at most max_pattern_size = ", rule.max_pattern_size));
  checks.need(rule.max_pattern_size == 0 || rule.min_count >= 2,
              param,
              rule.min_count,
              "min_count must be at least 2");
}

void check_stops(SamplingParams const& params, Checks& checks) {
  checks.need(params.stop.size() <= max_stop_strings,
              "stop",
              concat(params.stop.size(), " strings"),
              concat("at most ", max_stop_strings, " are allowed"));
  checks.need(
      !has_empty(params.stop), "stop", "an empty string", "it would end every answer at once");
  for (auto const token : params.stop_token_ids) {
    checks.need(token >= 0, "stop_token_ids", token, "a token id is not negative");
  }
}

}  // namespace

std::optional<ParamProblem> find_problem(SamplingParams const& params) {
  Checks checks;
  check_filters(params, checks);
  check_penalties(params, checks);
  check_tokens(params, checks);
  check_samples(params, checks);
  check_lengths(params, checks);
  check_repetition(params.repetition_detection, checks);
  check_stops(params, checks);
  checks.need_count(params.logprobs, "logprobs");
  checks.need_count(params.prompt_logprobs, "prompt_logprobs");
  return checks.found();
}

}  // namespace talus::io
