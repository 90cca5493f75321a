// SPDX-License-Identifier: Apache-2.0
#include "io/requests/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/detail/body.hpp"
#include "io/requests/detail/field.hpp"
#include "io/requests/detail/json_scanner.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"

namespace talus::io {
namespace {

using detail::Field;
using detail::Refusal;

// The parser's message may quote the whole line, and speaks of lines of the line.
std::string json_problem(std::string_view what) {
  constexpr std::size_t most_bytes = 300;
  constexpr std::string_view only_line = "at line 1, column ";
  auto text = without_place(what);
  if (auto const at = text.find(only_line); at != std::string::npos) {
    text.replace(at, only_line.size(), "at column ");
  }
  if (text.size() > most_bytes) {
    text.resize(most_bytes);
    text += "...";
  }
  return text;
}

Json parse_line(std::string_view line, std::int64_t number) {
  if (line.size() > max_line_bytes) {
    throw Refusal{"line_too_long",
                  "",
                  concat("line ", number, ": too long (at most ", max_line_bytes, " bytes)")};
  }
  if (detail::has_huge_object(line)) {
    throw Refusal{"invalid_json",
                  "",
                  concat("line ",
                         number,
                         ": an object with too many keys (at most ",
                         detail::max_object_keys,
                         ')')};
  }
  try {
    return parse_json(line, concat("line ", number));
  } catch (ConfigError const& error) {
    throw Refusal{"invalid_json", "", json_problem(error.what())};
  }
}

Field need(Json const& object, std::string const& name, std::string_view why) {
  auto const found = object.find(name);
  if (found == object.end() || found->is_null()) {
    detail::refuse_missing(name, why);
  }
  return {*found, name};
}

void check_keys(Json const& object) {
  constexpr std::array<std::string_view, 4> known{"custom_id", "method", "url", "body"};
  for (auto const& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      detail::refuse("unknown_parameter",
                     {value, detail::clip(name)},
                     "a line has custom_id, method, url and body");
    }
  }
}

std::string read_custom_id(Json const& object) {
  auto const field = need(object, "custom_id", "needed to find the answer to a request");
  auto const& id = detail::as_text(field);
  if (id.empty()) {
    detail::refuse("invalid_value", field, "must not be empty");
  }
  return id;
}

void check_method(Json const& object) {
  auto const field = need(object, "method", "must be POST");
  if (detail::as_text(field) != "POST") {
    detail::refuse("invalid_value", field, "must be POST");
  }
}

Endpoint read_url(Json const& object) {
  constexpr std::string_view allowed = "must be /v1/completions or /v1/chat/completions";
  auto const field = need(object, "url", allowed);
  auto const& url = detail::as_text(field);
  if (url == "/v1/completions") {
    return Endpoint::completions;
  }
  if (url == "/v1/chat/completions") {
    return Endpoint::chat;
  }
  detail::refuse("invalid_value", field, allowed);
}

SamplingParams with_defaults(RequestDefaults const& defaults) {
  return {.temperature = defaults.temperature,
          .top_p = defaults.top_p,
          .min_p = defaults.min_p,
          .top_k = defaults.top_k,
          .repetition_penalty = defaults.repetition_penalty};
}

Request read_request(std::string_view line, std::int64_t number, RequestDefaults const& defaults) {
  auto const object = parse_line(line, number);
  detail::need_object({object, concat("line ", number)});
  Request request;
  request.line = number;
  request.custom_id = read_custom_id(object);
  check_method(object);
  request.endpoint = read_url(object);
  request.params = with_defaults(defaults);
  request.prompt_rules.add_special_tokens = request.endpoint == Endpoint::completions;
  check_keys(object);
  detail::read_body(need(object, "body", "an object is needed").value, request);
  return request;
}

}  // namespace

std::variant<Request, RequestError> parse_request(std::string_view line,
                                                  std::int64_t number,
                                                  RequestDefaults const& defaults) {
  try {
    return read_request(line, number, defaults);
  } catch (Refusal& refusal) {
    return RequestError{.custom_id = detail::find_custom_id(line),
                        .line = number,
                        .code = std::move(refusal.code),
                        .message = std::move(refusal.message),
                        .param = std::move(refusal.param)};
  }
}

RequestError duplicate_error(std::string_view line, std::int64_t number) {
  auto id = detail::find_custom_id(line);
  auto message = concat("custom_id: \"",
                        detail::clip(id.value_or("")),
                        "\" (an earlier line of the input has it already; it must be unique)");
  return {.custom_id = std::move(id),
          .line = number,
          .code = "duplicate_custom_id",
          .message = std::move(message),
          .param = "custom_id"};
}

RequestError stopping_error(std::string_view line, std::int64_t number, std::string_view reason) {
  return {.custom_id = detail::find_custom_id(line),
          .line = number,
          .status_code = 503,
          .code = "stopping",
          .message = concat("the engine stops: ", reason, " (it answers no more)")};
}

}  // namespace talus::io
