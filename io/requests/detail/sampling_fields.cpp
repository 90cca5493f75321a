// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/sampling_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

struct SamplingField {
  std::string_view name;
  ReadSampling read;
};

// OpenAI's keys of logit_bias: token ids, written as strings.
std::optional<std::int32_t> token_of(std::string_view key) {
  std::int32_t token = 0;
  auto const [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
  bool const is_id = error == std::errc{} && end == key.data() + key.size() && key[0] != '-';
  return is_id ? std::optional{token} : std::nullopt;
}

void read_logit_bias(Field const& field, SamplingParams& params) {
  constexpr float most = 100.0F;  // vLLM takes greater ones as this
  need_object(field);
  params.logit_bias.clear();
  for (auto const& [key, value] : field.value.items()) {
    Field const entry{value, concat(field.path, '.', clip(key))};
    auto const token = token_of(key);
    if (!token) {
      refuse("invalid_value", entry, "its key must be a token id");
    }
    params.logit_bias.push_back({*token, std::clamp(as_float(entry), -most, most)});
  }
  auto& biases = params.logit_bias;
  std::sort(
      biases.begin(), biases.end(), [](auto const& a, auto const& b) { return a.token < b.token; });
  auto const twice =
      std::adjacent_find(biases.begin(), biases.end(), [](auto const& a, auto const& b) {
        return a.token == b.token;
      });
  if (twice != biases.end()) {
    refuse("invalid_value", field, concat("token ", twice->token, " stands there twice"));
  }
}

void read_allowed(Field const& field, SamplingParams& params) {
  params.allowed_token_ids = as_token_ids(field);
  if (params.allowed_token_ids.empty()) {
    refuse("invalid_value", field, "must have at least one token");
  }
}

void read_bad_words(Field const& field, SamplingParams& params) {
  need_array(field);
  params.bad_words = as_texts(field);
}

void read_budget(Field const& field, SamplingParams& params) {
  params.thinking_token_budget = as_int(field);
  if (params.thinking_token_budget == -1) {
    params.thinking_token_budget.reset();
  }
}

void read_repetition(Field const& field, SamplingParams& params) {
  need_object(field);
  RepetitionDetection& rule = params.repetition_detection;
  for (auto const& [key, value] : field.value.items()) {
    Field const entry{value, concat(field.path, '.', clip(key))};
    if (key == "max_pattern_size") {
      rule.max_pattern_size = as_int(entry);
    } else if (key == "min_pattern_size") {
      rule.min_pattern_size = as_int(entry);
    } else if (key == "min_count") {
      rule.min_count = as_int(entry);
    } else {
      refuse(
          "unknown_parameter", entry, "there are max_pattern_size, min_pattern_size and min_count");
    }
  }
}

constexpr std::array fields{
    SamplingField{"temperature", [](auto const& f, auto& p) { p.temperature = as_float(f); }},
    SamplingField{"top_p", [](auto const& f, auto& p) { p.top_p = as_float(f); }},
    SamplingField{"min_p", [](auto const& f, auto& p) { p.min_p = as_float(f); }},
    SamplingField{"top_k", [](auto const& f, auto& p) { p.top_k = as_int(f); }},
    SamplingField{"repetition_penalty",
                  [](auto const& f, auto& p) { p.repetition_penalty = as_float(f); }},
    SamplingField{"presence_penalty",
                  [](auto const& f, auto& p) { p.presence_penalty = as_float(f); }},
    SamplingField{"frequency_penalty",
                  [](auto const& f, auto& p) { p.frequency_penalty = as_float(f); }},
    SamplingField{"logit_bias", read_logit_bias},
    SamplingField{"allowed_token_ids", read_allowed},
    SamplingField{"bad_words", read_bad_words},
    SamplingField{"seed", [](auto const& f, auto& p) { p.seed = as_seed(f); }},
    SamplingField{"n", [](auto const& f, auto& p) { p.n = as_int(f); }},
    SamplingField{"best_of", [](auto const& f, auto& p) { p.best_of = as_int(f); }},
    SamplingField{"min_tokens", [](auto const& f, auto& p) { p.min_tokens = as_int(f); }},
    SamplingField{"stop", [](auto const& f, auto& p) { p.stop = as_texts(f); }},
    SamplingField{"include_stop_str_in_output",
                  [](auto const& f, auto& p) { p.include_stop_str_in_output = as_bool(f); }},
    SamplingField{"stop_token_ids",
                  [](auto const& f, auto& p) { p.stop_token_ids = as_token_ids(f); }},
    SamplingField{"ignore_eos", [](auto const& f, auto& p) { p.ignore_eos = as_bool(f); }},
    SamplingField{"thinking_token_budget", read_budget},
    SamplingField{"repetition_detection", read_repetition},
    SamplingField{"prompt_logprobs", [](auto const& f, auto& p) { p.prompt_logprobs = as_int(f); }},
    SamplingField{"return_token_ids",
                  [](auto const& f, auto& p) { p.return_token_ids = as_bool(f); }},
    SamplingField{"skip_special_tokens",
                  [](auto const& f, auto& p) { p.skip_special_tokens = as_bool(f); }},
    SamplingField{"echo", [](auto const& f, auto& p) { p.echo = as_bool(f); }},
};

}  // namespace

ReadSampling find_sampling_field(std::string_view name) {
  auto const* const found = std::find_if(
      fields.begin(), fields.end(), [name](auto const& field) { return field.name == name; });
  return found == fields.end() ? nullptr : found->read;
}

}  // namespace talus::io::detail
