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

void check_stops(SamplingParams const& params, Checks& checks) {
  checks.need(params.stop.size() <= max_stop_strings,
              "stop",
              concat(params.stop.size(), " strings"),
              concat("at most ", max_stop_strings, " are allowed"));
  bool const has_empty = std::any_of(
      params.stop.begin(), params.stop.end(), [](auto const& text) { return text.empty(); });
  checks.need(!has_empty, "stop", "an empty string", "it would end every answer at once");
  for (auto const token : params.stop_token_ids) {
    checks.need(token >= 0, "stop_token_ids", token, "a token id is not negative");
  }
}

}  // namespace

std::optional<ParamProblem> find_problem(SamplingParams const& params) {
  Checks checks;
  check_filters(params, checks);
  if (params.max_tokens) {
    checks.need(*params.max_tokens >= 1, "max_tokens", *params.max_tokens, "must be at least 1");
  }
  check_stops(params, checks);
  checks.need_count(params.logprobs, "logprobs");
  checks.need_count(params.prompt_logprobs, "prompt_logprobs");
  return checks.found();
}

}  // namespace talus::io
