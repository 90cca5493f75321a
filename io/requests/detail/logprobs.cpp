// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/logprobs.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "io/requests/detail/utf8.hpp"

namespace talus::io::detail {
namespace {

// JSON has no infinity; OpenAI's clients know this number as "too improbable to say".
constexpr float least_logprob = -9999.0F;

float in_range(float logprob) {
  return std::isnan(logprob) ? logprob : std::max(logprob, least_logprob);
}

void write_tokens(JsonWriter& json, std::span<TokenLogprob const> tokens) {
  json.key("tokens").begin_array();
  for (auto const& token : tokens) {
    json.text(token.chosen.bytes);
  }
  json.end_array();
}

// Tokens of different bytes may have the same text, such as U+FFFD; a key must stand only once, so
// the first, more probable one is kept.
void write_by_text(JsonWriter& json, TokenLogprob const& token) {
  std::set<std::string> written;
  auto const write = [&](RankedToken const& entry) {
    auto text = to_utf8(entry.bytes);
    if (written.insert(text).second) {
      json.key(text).number(in_range(entry.logprob));
    }
  };
  json.begin_object();
  write(token.chosen);
  std::for_each(token.top.begin(), token.top.end(), write);
  json.end_object();
}

void write_by_id(JsonWriter& json, TokenLogprob const& token) {
  auto const write = [&](RankedToken const& entry) {
    json.key(std::to_string(entry.token)).begin_object();
    json.key("logprob").number(in_range(entry.logprob));
    json.key("rank").integer(entry.rank);
    json.key("decoded_token").text(entry.bytes);
    json.end_object();
  };
  json.begin_object();
  write(token.chosen);
  for (auto const& entry : token.top) {
    if (entry.token != token.chosen.token) {
      write(entry);
    }
  }
  json.end_object();
}

void write_chat_fields(JsonWriter& json, RankedToken const& entry) {
  json.key("token").text(entry.bytes);
  json.key("logprob").number(in_range(entry.logprob));
  json.key("bytes").begin_array();
  for (char const byte : entry.bytes) {
    json.integer(static_cast<unsigned char>(byte));
  }
  json.end_array();
}

}  // namespace

void write_completion_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens) {
  json.begin_object().key("text_offset").begin_array();
  std::size_t offset = 0;
  for (auto const& token : tokens) {
    json.integer(static_cast<std::int64_t>(offset));
    offset += num_characters(token.chosen.bytes);
  }
  json.end_array().key("token_logprobs").begin_array();
  for (auto const& token : tokens) {
    json.number(in_range(token.chosen.logprob));
  }
  json.end_array();
  write_tokens(json, tokens);
  json.key("top_logprobs").begin_array();
  for (auto const& token : tokens) {
    // The first token of a prompt has nothing before it that could make it probable.
    bool const has_none = std::isnan(token.chosen.logprob) && token.top.empty();
    has_none ? static_cast<void>(json.null()) : write_by_text(json, token);
  }
  json.end_array().end_object();
}

void write_chat_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens) {
  json.begin_object().key("content").begin_array();
  for (auto const& token : tokens) {
    json.begin_object();
    write_chat_fields(json, token.chosen);
    json.key("top_logprobs").begin_array();
    for (auto const& entry : token.top) {
      json.begin_object();
      write_chat_fields(json, entry);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
}

void write_prompt_logprobs(JsonWriter& json, std::span<TokenLogprob const> tokens) {
  json.begin_array().null();
  for (auto const& token : tokens) {
    write_by_id(json, token);
  }
  json.end_array();
}

}  // namespace talus::io::detail
