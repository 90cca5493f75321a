// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/request_lines.hpp"

#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::api {
namespace {

io::Json parsed(std::string_view body) {
  try {
    return io::parse_json(body, "body");
  } catch (Error const& error) {
    throw EngineError{ErrorCode::invalid, error.what()};
  }
}

}  // namespace

RequestText::RequestText(JsonRequest const& request)
    : custom_id_{request.custom_id}, body_{request.body} {
  io::Json const body = parsed(request.body);
  bool const has_prompt = body.contains("prompt") || body.contains("prompt_token_ids");
  is_chat_ = body.contains("messages");
  if (!body.is_object() || has_prompt == is_chat_) {
    throw EngineError{ErrorCode::invalid,
                      concat("body: ",
                             request.body.substr(0, 60),
                             " (must be a JSON object with \"prompt\" for a completion, or "
                             "\"messages\" for a chat)")};
  }
}

RequestText::RequestText(TokenRequest const& request) : custom_id_{request.custom_id} {
  io::Json body = {
      {"prompt", std::vector<std::int32_t>(request.prompt.begin(), request.prompt.end())},
      {"max_tokens", request.max_tokens},
      {"min_tokens", request.min_tokens},
      {"temperature", request.temperature},
      {"top_p", request.top_p},
      {"top_k", request.top_k},
      {"min_p", request.min_p},
      {"n", request.n},
      {"ignore_eos", request.ignore_eos}};
  if (request.seed) {
    body["seed"] = *request.seed;
  }
  if (!request.stop_token_ids.empty()) {
    body["stop_token_ids"] =
        std::vector<std::int32_t>(request.stop_token_ids.begin(), request.stop_token_ids.end());
  }
  body_ = body.dump();
}

std::string RequestText::line(int rank, RequestId number) const {
  io::Json const id = custom_id_.empty() ? concat("rank ", rank, " request ", number) : custom_id_;
  return concat(R"({"custom_id": )",
                id.dump(-1, ' ', false, io::Json::error_handler_t::replace),
                R"(, "method": "POST", "url": ")",
                is_chat_ ? "/v1/chat/completions" : "/v1/completions",
                R"(", "body": )",
                body_,
                '}');
}

}  // namespace talus::api
