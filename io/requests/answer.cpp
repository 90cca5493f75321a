// SPDX-License-Identifier: Apache-2.0
#include "io/requests/answer.hpp"

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "io/files/content_hash.hpp"
#include "io/requests/detail/json_writer.hpp"
#include "io/requests/detail/logprobs.hpp"

namespace talus::io {
namespace {

using detail::JsonWriter;

// What makes the ids of a line differ from those of other lines and of other runs: 32 hex digits.
std::string hash_of(std::string_view run_id, std::string_view custom_id, std::int64_t line) {
  std::string text{run_id};
  text += '\0';
  text += std::to_string(line);
  text += '\0';
  text += custom_id;
  return hash_text(text);
}

void write_ids(JsonWriter& json, std::span<std::int32_t const> tokens) {
  json.begin_array();
  for (auto const token : tokens) {
    json.integer(token);
  }
  json.end_array();
}

// The keys that begin a line, up to the body.
void begin_line(JsonWriter& json,
                std::optional<std::string> const& custom_id,
                int status_code,
                std::string const& hash) {
  json.begin_object().key("id").text("talus-" + hash).key("custom_id");
  custom_id ? json.text(*custom_id) : json.null();
  json.key("response").begin_object();
  json.key("status_code").integer(status_code);
  json.key("request_id").text("talus-batch-" + hash);
  json.key("body").begin_object();
}

std::string end_line(JsonWriter&& json) {
  json.end_object();
  auto line = std::move(json).take();
  line += '\n';
  return line;
}

void write_text(JsonWriter& json, Choice const& choice, Endpoint endpoint) {
  if (endpoint == Endpoint::completions) {
    json.key("text").text(choice.text);
    return;
  }
  json.key("message").begin_object().key("role").text("assistant").key("content");
  // An answer that ended inside its reasoning has no content, as opposed to an empty one.
  bool const has_content = !choice.text.empty() || !choice.reasoning;
  has_content ? json.text(choice.text) : json.null();
  if (choice.reasoning) {
    json.key("reasoning_content").text(*choice.reasoning);
  }
  json.end_object();
}

void write_logprobs(JsonWriter& json, Choice const& choice, Endpoint endpoint) {
  json.key("logprobs");
  if (!choice.logprobs) {
    json.null();
  } else if (endpoint == Endpoint::chat) {
    detail::write_chat_logprobs(json, *choice.logprobs);
  } else {
    detail::write_completion_logprobs(json, *choice.logprobs);
  }
}

void write_stop_reason(JsonWriter& json, StopReason const& reason) {
  json.key("stop_reason");
  if (auto const* const text = std::get_if<std::string>(&reason)) {
    json.text(*text);
  } else if (auto const* const token = std::get_if<std::int32_t>(&reason)) {
    json.integer(*token);
  } else {
    json.null();
  }
}

// What was asked for of the prompt.
void write_prompt(JsonWriter& json, Answer const& answer) {
  if (answer.prompt_token_ids) {
    json.key("prompt_token_ids");
    write_ids(json, *answer.prompt_token_ids);
  }
  if (answer.prompt_logprobs) {
    json.key("prompt_logprobs");
    detail::write_prompt_logprobs(json, *answer.prompt_logprobs);
  }
}

void write_choice(JsonWriter& json, Answer const& answer, std::size_t index) {
  Choice const& choice = answer.choices[index];
  json.begin_object().key("index").integer(static_cast<std::int64_t>(index));
  write_text(json, choice, answer.endpoint);
  write_logprobs(json, choice, answer.endpoint);
  json.key("finish_reason").text(name_of(choice.finish_reason));
  write_stop_reason(json, choice.stop_reason);
  if (choice.token_ids) {
    json.key("token_ids");
    write_ids(json, *choice.token_ids);
  }
  if (answer.endpoint == Endpoint::completions) {
    write_prompt(json, answer);
  }
  json.end_object();
}

void write_usage(JsonWriter& json, Answer const& answer) {
  json.key("usage").begin_object();
  json.key("prompt_tokens").integer(answer.prompt_tokens);
  json.key("total_tokens").integer(answer.prompt_tokens + answer.completion_tokens);
  json.key("completion_tokens").integer(answer.completion_tokens);
  if (answer.reasoning_tokens) {
    json.key("completion_tokens_details").begin_object();
    json.key("reasoning_tokens").integer(*answer.reasoning_tokens).end_object();
  }
  json.end_object();
}

void write_timings(JsonWriter& json, AnswerTimings const& timings) {
  json.key("x_talus").begin_object();
  json.key("ttft").seconds(timings.ttft);
  json.key("queue").seconds(timings.queue);
  json.key("latency").seconds(timings.latency);
  json.key("preemptions").integer(timings.preemptions);
  json.key("kv_blocks_peak").integer(timings.kv_blocks_peak);
  json.key("replica").integer(timings.replica);
  json.end_object();
}

}  // namespace

std::string_view name_of(FinishReason reason) noexcept {
  constexpr std::array<std::string_view, 4> names{"stop", "length", "error", "repetition"};
  return names[static_cast<std::size_t>(reason)];
}

std::string format_answer(Answer const& answer, RunLabels const& labels) {
  bool const is_chat = answer.endpoint == Endpoint::chat;
  auto const hash = hash_of(labels.run_id, answer.custom_id, 0);
  JsonWriter json;
  begin_line(json, answer.custom_id, 200, hash);
  json.key("id").text((is_chat ? "chatcmpl-" : "cmpl-") + hash);
  json.key("object").text(is_chat ? "chat.completion" : "text_completion");
  json.key("created").integer(answer.created);
  json.key("model").text(labels.model);
  json.key("choices").begin_array();
  for (std::size_t index = 0; index < answer.choices.size(); ++index) {
    write_choice(json, answer, index);
  }
  json.end_array();
  write_usage(json, answer);
  if (is_chat) {
    write_prompt(json, answer);
  }
  write_timings(json, answer.timings);
  json.end_object().end_object().key("error").null();
  return end_line(std::move(json));
}

std::string format_error(RequestError const& error, RunLabels const& labels) {
  auto const hash = hash_of(labels.run_id, error.custom_id.value_or(""), error.line);
  auto const write_param = [&](JsonWriter& json) {
    json.key("param");
    error.param.empty() ? json.null() : json.text(error.param);
  };
  JsonWriter json;
  begin_line(json, error.custom_id, error.status_code, hash);
  json.key("error").begin_object();
  json.key("message").text(error.message);
  json.key("type").text(error.status_code < 500 ? "invalid_request_error" : "server_error");
  write_param(json);
  json.key("code").text(error.code);
  json.end_object().end_object().end_object();
  json.key("error").begin_object();
  json.key("code").text(error.code);
  json.key("message").text(error.message);
  write_param(json);
  json.key("line").integer(error.line);
  json.end_object();
  return end_line(std::move(json));
}

}  // namespace talus::io
