// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/answer.hpp"
#include "io/requests/request.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;

namespace {

// A line that must be refused: with which code, for which field, and what the message must say.
struct Bad {
  std::string line;
  std::string code;
  std::string param;
  std::string says;
};

std::string completion(std::string_view rest) {
  return std::string{R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{)"} +
         std::string{rest} + "}}";
}

std::string with(std::string_view rest) {
  return completion(R"("prompt":"x",)" + std::string{rest});
}

std::string chat(std::string_view rest) {
  return std::string{R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{)"} +
         std::string{rest} + "}}";
}

std::string message(std::string_view fields) {
  return chat(R"("messages":[{)" + std::string{fields} + "}]");
}

std::string repeat(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) {
    repeated += text;
  }
  return repeated;
}

std::string many_keys(int num_keys) {
  std::string keys;
  for (int i = 0; i < num_keys; ++i) {
    keys += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  }
  return keys;
}

RequestError refuse(std::string const& line) {
  auto const parsed = parse_request(line, 3, {});
  REQUIRE(std::holds_alternative<RequestError>(parsed));
  return std::get<RequestError>(parsed);
}

void check_all(std::vector<Bad> const& lines) {
  for (auto const& bad : lines) {
    CAPTURE(bad.line.substr(0, 300));
    auto const error = refuse(bad.line);

    CHECK(error.code == bad.code);
    CHECK(error.param == bad.param);
    CHECK_THAT(error.message, Catch::Matchers::ContainsSubstring(bad.says));
    CHECK(error.line == 3);
    CHECK(error.status_code == 400);
    CHECK(error.message.size() < 500);
    CHECK(error.message.find(".cpp") == std::string::npos);
    auto const line = parse_json(format_error(error, {"run", "m"}), "error line");
    CHECK(line["error"]["code"] == bad.code);
  }
}

}  // namespace

TEST_CASE("lines that are no JSON are refused") {
  check_all({
      {"x", "invalid_json", "", "line 3"},
      {"{", "invalid_json", "", "column"},
      {R"({"custom_id":"a")", "invalid_json", "", "column"},
      {R"({"custom_id":"a"}})", "invalid_json", "", "column"},
      {R"({"custom_id":"a"} {"custom_id":"b"})", "invalid_json", "", "column"},
      {"{'custom_id':'a'}", "invalid_json", "", "column"},
      {R"({"custom_id":"a",})", "invalid_json", "", "column"},
      {std::string(1, '\0'), "invalid_json", "", "line 3"},
      {"\xFF\xFE{}", "invalid_json", "", "line 3"},
      {completion("\"prompt\":\"\xC3\x28\""), "invalid_json", "", "UTF-8"},
      {completion("\"prompt\":\"\xED\xA0\x80\""), "invalid_json", "", "UTF-8"},
      {completion(R"("prompt":"\ud800")"), "invalid_json", "", "surrogate"},
      {completion(R"("prompt":"\u12")"), "invalid_json", "", "column"},
      {completion("\"prompt\":\"a\tb\""), "invalid_json", "", "control character"},
      {completion(R"("prompt":"x","seed":NaN)"), "invalid_json", "", "column"},
      {completion(R"("prompt":"x","temperature":1e999)"), "invalid_json", "", "1e999"},
      {completion(R"("prompt":"x","seed":01)"), "invalid_json", "", "column"},
      {completion(R"("prompt":"x","prompt":"y")"), "invalid_json", "", "\"prompt\" twice"},
      {R"({"custom_id":"a","custom_id":"a"})", "invalid_json", "", "\"custom_id\" twice"},
      {repeat("[", 100000), "invalid_json", "", "200 levels"},
      {completion("\"prompt\":" + repeat("[", 300) + repeat("]", 300)),
       "invalid_json",
       "",
       "200 levels"},
      {completion(R"("logit_bias":{)" + many_keys(1001) + "}"), "invalid_json", "", "at most 1000"},
      {completion(R"("prompt":")" + repeat("\xC3\xA9", 5000) + "\xC3\""),
       "invalid_json",
       "",
       "UTF-8"},
  });
}

TEST_CASE("lines that are no request are refused") {
  check_all({
      {"[]", "invalid_type", "line 3", "must be an object"},
      {"null", "invalid_type", "line 3", "must be an object"},
      {"\"a\"", "invalid_type", "line 3", "must be an object"},
      {"{}", "missing_field", "custom_id", "custom_id: missing"},
      {R"({"custom_id":null})", "missing_field", "custom_id", "missing"},
      {R"({"custom_id":5})", "invalid_type", "custom_id", "5 (must be a string"},
      {R"({"custom_id":""})", "invalid_value", "custom_id", "must not be empty"},
      {R"({"custom_id":"a"})", "missing_field", "method", "must be POST"},
      {R"({"custom_id":"a","method":"GET"})", "invalid_value", "method", "\"GET\" (must be POST"},
      {R"({"custom_id":"a","method":["POST"]})", "invalid_type", "method", "must be a string"},
      {R"({"custom_id":"a","method":"POST"})", "missing_field", "url", "/v1/completions"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/embeddings"})",
       "invalid_value",
       "url",
       "/v1/embeddings"},
      {R"({"custom_id":"a","method":"POST","url":7})", "invalid_type", "url", "7"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/completions"})",
       "missing_field",
       "body",
       "missing"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":"x"})",
       "invalid_type",
       "body",
       "must be an object"},
      {R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{},"boby":1})",
       "unknown_parameter",
       "boby",
       "boby: 1"},
      {completion(""), "missing_field", "body.prompt", "missing"},
      {completion(R"("prompt":null)"), "missing_field", "body.prompt", "missing"},
      {completion(R"("prompt":5)"), "invalid_type", "body.prompt", "must be a string or a list"},
      {completion(R"("prompt":{})"), "invalid_type", "body.prompt", "must be a string or a list"},
      {completion(R"("prompt":[])"), "invalid_value", "body.prompt", "at least one token"},
      {completion(R"("prompt":["a","b"])"), "unsupported_parameter", "body.prompt", "one prompt"},
      {completion(R"("prompt":[[1],[2]])"), "unsupported_parameter", "body.prompt", "one prompt"},
      {completion(R"("prompt":[1,-1])"), "invalid_value", "body.prompt[1]", "-1"},
      {completion(R"("prompt":[1,2.5])"), "invalid_value", "body.prompt[1]", "2.5"},
      {completion(R"("prompt":[1,"2"])"), "invalid_type", "body.prompt[1]", "\"2\""},
      {completion(R"("prompt":[2147483648])"), "invalid_value", "body.prompt[0]", "2147483647"},
      {completion(R"("prompt":[99999999999999999999999])"),
       "invalid_value",
       "body.prompt[0]",
       "token id"},
      {with(R"("prompt_token_ids":[1])"), "invalid_value", "body.prompt_token_ids", "not both"},
  });
}

TEST_CASE("parameters out of their limits or of another type are refused") {
  check_all({
      {with(R"("temperature":-1)"), "invalid_value", "body.temperature", "-1"},
      {with(R"("temperature":1e300)"), "invalid_value", "body.temperature", "must be 0"},
      {with(R"("temperature":"hot")"), "invalid_type", "body.temperature", "\"hot\""},
      {with(R"("top_p":0)"), "invalid_value", "body.top_p", "above 0"},
      {with(R"("top_p":1.5)"), "invalid_value", "body.top_p", "1.5"},
      {with(R"("top_p":[0.5])"), "invalid_type", "body.top_p", "[0.5]"},
      {with(R"("min_p":-0.5)"), "invalid_value", "body.min_p", "-0.5"},
      {with(R"("top_k":-2)"), "invalid_value", "body.top_k", "-2"},
      {with(R"("top_k":1.5)"), "invalid_value", "body.top_k", "whole number"},
      {with(R"("top_k":true)"), "invalid_type", "body.top_k", "true"},
      {with(R"("seed":"1")"), "invalid_type", "body.seed", "whole number"},
      {with(R"("seed":1.5)"), "invalid_value", "body.seed", "1.5"},
      {with(R"("seed":18446744073709551616)"), "invalid_value", "body.seed", "2^64"},
      {with(R"("max_tokens":0)"), "invalid_value", "body.max_tokens", "at least 1"},
      {with(R"("max_tokens":-5)"), "invalid_value", "body.max_tokens", "-5"},
      {with(R"("max_tokens":3000000000)"), "invalid_value", "body.max_tokens", "2147483647"},
      {with(R"("max_tokens":5,"max_completion_tokens":6)"),
       "invalid_value",
       "body.max_completion_tokens",
       "must be equal"},
      {with(R"("stop":"")"), "invalid_value", "body.stop", "empty"},
      {with(R"("stop":5)"), "invalid_type", "body.stop", "list of strings"},
      {with(R"("stop":["a",5])"), "invalid_type", "body.stop[1]", "5"},
      {with(R"("stop":["a")" + repeat(",\"a\"", 16) + "]"),
       "invalid_value",
       "body.stop",
       "at most 16"},
      {with(R"("stop_token_ids":5)"), "invalid_type", "body.stop_token_ids", "list"},
      {with(R"("stop_token_ids":[-5])"), "invalid_value", "body.stop_token_ids[0]", "-5"},
      {with(R"("ignore_eos":1)"), "invalid_type", "body.ignore_eos", "true or false"},
      {with(R"("logprobs":true)"), "invalid_type", "body.logprobs", "whole number"},
      {with(R"("logprobs":21)"), "invalid_value", "body.logprobs", "from 0 to 20"},
      {with(R"("prompt_logprobs":-1)"), "invalid_value", "body.prompt_logprobs", "-1"},
      {with(R"("return_token_ids":"yes")"), "invalid_type", "body.return_token_ids", "yes"},
      {with(R"("model":3)"), "invalid_type", "body.model", "must be a string"},
  });
}

TEST_CASE("parameters that Talus does not know or support are refused by name") {
  check_all({
      {with(R"("temprature":1)"), "unknown_parameter", "body.temprature", "temprature: 1"},
      {with(R"("":1)"), "unknown_parameter", "body.", "not a parameter"},
      {with(std::string{"\""} + repeat("k", 5000) + "\":1"),
       "unknown_parameter",
       "body." + repeat("k", 80) + "...",
       "not a parameter"},
      {with(R"("stream":true)"), "unsupported_parameter", "body.stream", "a batch"},
      {with(R"("response_format":{"type":"json_object"})"),
       "unsupported_parameter",
       "body.response_format",
       "structured output"},
      {with(R"("structured_outputs":{"json":{}})"),
       "unsupported_parameter",
       "body.structured_outputs",
       "structured output"},
      {with(R"("use_beam_search":true)"), "unsupported_parameter", "body.use_beam_search", "true"},
      {with(R"("length_penalty":0.5)"), "unsupported_parameter", "body.length_penalty", "0.5"},
      {with(R"("logits_processors":["f"])"),
       "unsupported_parameter",
       "body.logits_processors",
       "not supported"},
      {with(R"("guided_choice":["a"])"),
       "unsupported_parameter",
       "body.guided_choice",
       "structured output"},
      {with(R"("prompt_embeds":"AA")"), "unsupported_parameter", "body.prompt_embeds", "AA"},
      {with(R"("priority":1)"), "unsupported_parameter", "body.priority", "1"},
      {with(R"("cache_salt":"s")"), "unsupported_parameter", "body.cache_salt", "no server"},
      {with(R"("kv_transfer_params":{})"),
       "unsupported_parameter",
       "body.kv_transfer_params",
       "no server"},
      {with(R"("vllm_xargs":{"a":1})"), "unsupported_parameter", "body.vllm_xargs", "another"},
      {with(R"("logprob_token_ids":[1])"),
       "unsupported_parameter",
       "body.logprob_token_ids",
       "use logprobs"},
      {with(R"("detokenize":false)"), "unsupported_parameter", "body.detokenize", "false"},
      {with(R"("spaces_between_special_tokens":false)"),
       "unsupported_parameter",
       "body.spaces_between_special_tokens",
       "tokenizer"},
      {with(R"("watermarking":true)"), "unsupported_parameter", "body.watermarking", "true"},
      {with(R"("stream_interval":2)"), "unsupported_parameter", "body.stream_interval", "a batch"},
      {with(R"("reasoning_effort":"low")"),
       "unsupported_parameter",
       "body.reasoning_effort",
       "belongs to /v1/chat/completions"},
      {with(R"("suffix":"x")"), "unsupported_parameter", "body.suffix", "x"},
      {with(R"("max_new_tokens":5)"),
       "unsupported_parameter",
       "body.max_new_tokens",
       "use max_tokens"},
      {with(R"("messages":[])"),
       "unsupported_parameter",
       "body.messages",
       "belongs to /v1/chat/completions"},
      {with(R"("top_logprobs":1)"), "unsupported_parameter", "body.top_logprobs", "belongs to"},
  });
}

TEST_CASE("what shapes the choice of tokens is refused where it can't be") {
  check_all({
      {with(R"("n":true)"), "invalid_type", "body.n", "whole number"},
      {with(R"("n":0)"), "invalid_value", "body.n", "from 1 to 128"},
      {with(R"("n":1e6)"), "invalid_value", "body.n", "from 1 to 128"},
      {with(R"("n":1.5)"), "invalid_value", "body.n", "whole number"},
      {with(R"("n":3,"best_of":2)"), "invalid_value", "body.best_of", "at least n = 3"},
      {with(R"("best_of":"2")"), "invalid_type", "body.best_of", "whole number"},
      {with(R"("repetition_penalty":0)"), "invalid_value", "body.repetition_penalty", "above 0"},
      {with(R"("repetition_penalty":1e99)"), "invalid_value", "body.repetition_penalty", "above"},
      {with(R"("repetition_penalty":"1")"), "invalid_type", "body.repetition_penalty", "number"},
      {with(R"("presence_penalty":2.5)"), "invalid_value", "body.presence_penalty", "-2 to 2"},
      {with(R"("presence_penalty":[])"), "invalid_type", "body.presence_penalty", "number"},
      {with(R"("frequency_penalty":-3)"), "invalid_value", "body.frequency_penalty", "-2 to 2"},
      {with(R"("frequency_penalty":true)"), "invalid_type", "body.frequency_penalty", "number"},
      {with(R"("logit_bias":[5])"), "invalid_type", "body.logit_bias", "object"},
      {with(R"("logit_bias":{"x":1})"), "invalid_value", "body.logit_bias.x", "token id"},
      {with(R"("logit_bias":{"-5":1})"), "invalid_value", "body.logit_bias.-5", "token id"},
      {with(R"("logit_bias":{"":1})"), "invalid_value", "body.logit_bias.", "token id"},
      {with(R"("logit_bias":{"99999999999":1})"),
       "invalid_value",
       "body.logit_bias.99999999999",
       "token id"},
      {with(R"("logit_bias":{"5":"1"})"), "invalid_type", "body.logit_bias.5", "number"},
      {with(R"("logit_bias":{"5":1,"05":2})"), "invalid_value", "body.logit_bias", "twice"},
      {with(R"("allowed_token_ids":[])"), "invalid_value", "body.allowed_token_ids", "at least"},
      {with(R"("allowed_token_ids":[-1])"),
       "invalid_value",
       "body.allowed_token_ids[0]",
       "token id"},
      {with(R"("allowed_token_ids":{"1":1})"), "invalid_type", "body.allowed_token_ids", "list"},
      {with(R"("bad_words":"x")"), "invalid_type", "body.bad_words", "list"},
      {with(R"("bad_words":[1])"), "invalid_type", "body.bad_words[0]", "string"},
      {with(R"("bad_words":["a",""])"), "invalid_value", "body.bad_words", "empty"},
      {with(R"("min_tokens":-1)"), "invalid_value", "body.min_tokens", "negative"},
      {with(R"("min_tokens":"1")"), "invalid_type", "body.min_tokens", "whole number"},
      {with(R"("min_tokens":9,"max_tokens":8)"), "invalid_value", "body.min_tokens", "= 8"},
      {with(R"("include_stop_str_in_output":1)"),
       "invalid_type",
       "body.include_stop_str_in_output",
       "true or false"},
      {with(R"("echo":"yes")"), "invalid_type", "body.echo", "true or false"},
      {with(R"("echo":true,"max_tokens":-1)"), "invalid_value", "body.max_tokens", "negative"},
      {with(R"("add_special_tokens":0)"), "invalid_type", "body.add_special_tokens", "true or"},
      {with(R"("truncate_prompt_tokens":0)"),
       "invalid_value",
       "body.truncate_prompt_tokens",
       "positive"},
      {with(R"("truncate_prompt_tokens":-2)"),
       "invalid_value",
       "body.truncate_prompt_tokens",
       "positive"},
      {with(R"("truncate_prompt_tokens":"1")"),
       "invalid_type",
       "body.truncate_prompt_tokens",
       "whole number"},
      {with(R"("truncation_side":"up")"), "invalid_value", "body.truncation_side", "left"},
      {with(R"("thinking_token_budget":-2)"),
       "invalid_value",
       "body.thinking_token_budget",
       "negative"},
      {with(R"("thinking_token_budget":true)"),
       "invalid_type",
       "body.thinking_token_budget",
       "whole number"},
      {with(R"("repetition_detection":3)"), "invalid_type", "body.repetition_detection", "object"},
      {with(R"("repetition_detection":{"max_pattern_size":3})"),
       "invalid_value",
       "body.repetition_detection",
       "min_count"},
      {with(R"("repetition_detection":{"max_pattern_size":3,"min_count":2,"min_pattern_size":4})"),
       "invalid_value",
       "body.repetition_detection",
       "max_pattern_size = 3"},
      {with(R"("repetition_detection":{"max_size":3})"),
       "unknown_parameter",
       "body.repetition_detection.max_size",
       "there are"},
  });
}

TEST_CASE("conversations that no template could take are refused") {
  std::string const user = R"("messages":[{"role":"user","content":"x"}],)";
  check_all({
      {chat(""), "missing_field", "body.messages", "list of messages"},
      {chat(R"("messages":[])"), "invalid_value", "body.messages", "at least one"},
      {chat(R"("messages":"hi")"), "invalid_type", "body.messages", "must be a list"},
      {chat(R"("messages":["hi"])"), "invalid_type", "body.messages[0]", "must be an object"},
      {chat(R"("prompt":"x")"),
       "unsupported_parameter",
       "body.prompt",
       "belongs to /v1/completions"},
      {message(R"("content":"x")"), "missing_field", "body.messages[0].role", "missing"},
      {message(R"("role":1,"content":"x")"), "invalid_type", "body.messages[0].role", "string"},
      {message(R"("role":"user")"), "missing_field", "body.messages[0].content", "missing"},
      {message(R"("role":"user","content":null)"),
       "missing_field",
       "body.messages[0].content",
       "missing"},
      {message(R"("role":"user","content":5)"), "invalid_type", "body.messages[0].content", "5"},
      {message(R"("role":"user","content":[5])"),
       "invalid_type",
       "body.messages[0].content[0]",
       "object"},
      {message(R"("role":"user","content":[{"text":"x"}])"),
       "missing_field",
       "body.messages[0].content[0].type",
       "missing"},
      {message(R"("role":"user","content":[{"type":"text"}])"),
       "missing_field",
       "body.messages[0].content[0].text",
       "missing"},
      {message(R"("role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}])"),
       "unsupported_parameter",
       "body.messages[0].content[0].type",
       "image_url"},
      {message(R"("role":"assistant","tool_calls":[{}])"),
       "missing_field",
       "body.messages[0].tool_calls[0].function",
       "missing"},
      {message(R"("role":"assistant","tool_calls":[{"function":{"arguments":"{"}}])"),
       "invalid_value",
       "body.messages[0].tool_calls[0].function.arguments",
       "JSON text"},
      {message(R"("role":"assistant","tool_calls":[{"function":{"arguments":"[1]"}}])"),
       "invalid_value",
       "body.messages[0].tool_calls[0].function.arguments",
       "object"},
      {chat(user + R"("tools":{})"), "invalid_type", "body.tools", "must be a list"},
      {chat(user + R"("tools":["f"])"), "invalid_type", "body.tools[0]", "must be an object"},
      {chat(user + R"("tool_choice":"required")"),
       "unsupported_parameter",
       "body.tool_choice",
       "required"},
      {chat(user + R"("logprobs":3)"), "invalid_type", "body.logprobs", "true or false"},
      {chat(user + R"("top_logprobs":3)"), "invalid_value", "body.top_logprobs", "logprobs: true"},
      {chat(user + R"("logprobs":true,"top_logprobs":30)"),
       "invalid_value",
       "body.top_logprobs",
       "from 0 to 20"},
      {chat(user + R"("chat_template_kwargs":[])"),
       "invalid_type",
       "body.chat_template_kwargs",
       "object"},
      {chat(user + R"("add_generation_prompt":"no")"),
       "invalid_type",
       "body.add_generation_prompt",
       "true or false"},
      {chat(user + R"("continue_final_message":true,"add_generation_prompt":true)"),
       "invalid_value",
       "body.continue_final_message",
       "add_generation_prompt"},
      {chat(user + R"("reasoning_effort":"much")"),
       "invalid_value",
       "body.reasoning_effort",
       "much"},
      {chat(user + R"("max_tokens":0,"echo":false)"), "invalid_value", "body.max_tokens", "0"},
  });
}

TEST_CASE("a line that is too long is refused, by its custom_id") {
  auto const error = refuse(completion(R"("prompt":")" + std::string(max_line_bytes, 'x') + "\""));

  CHECK(error.code == "line_too_long");
  CHECK(error.custom_id == "a");
  CHECK_THAT(error.message, Catch::Matchers::ContainsSubstring("67108864"));
}

TEST_CASE("an error names the custom_id wherever it can be read") {
  CHECK(refuse(R"({"custom_id":"a","body":)").custom_id == "a");
  CHECK(refuse(R"({"body":{"x":"}\"{"},"custom_id":"\u00e9\n"})").custom_id == "\xC3\xA9\n");
  CHECK(refuse(R"({"custom\u005fid":"b"})").custom_id == "b");
  CHECK(refuse(R"({"body":{"custom_id":"inner"}})").custom_id == std::nullopt);
  CHECK(refuse(R"({"custom_id":3})").custom_id == std::nullopt);
  CHECK(refuse("{\"custom_id\":\"\xFF\"}").custom_id == std::nullopt);
  CHECK(refuse(R"({"custom_id":"\udc00"})").custom_id == std::nullopt);
  CHECK(refuse(R"({"custom_id":"a)").custom_id == std::nullopt);
}

TEST_CASE("a repeated custom_id has an error of its own") {
  auto const error = duplicate_error(with(R"("seed":1)"), 9);

  CHECK(error.code == "duplicate_custom_id");
  CHECK(error.custom_id == "a");
  CHECK(error.line == 9);
  CHECK(error.param == "custom_id");
}

TEST_CASE("a line with any one byte changed gives a request or an error, never an exception") {
  auto const good = with(R"("temperature":0.5,"stop":["a"],"logit_bias":{},"seed":12)");
  int num_errors = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (char const byte : {'\0', '"', '\\', '{', ']', '9', '-', '\xC3', ' '}) {
      auto line = good;
      line[at] = byte;
      num_errors += static_cast<int>(parse_request(line, 1, {}).index());
    }
    num_errors += static_cast<int>(parse_request(good.substr(0, at), 1, {}).index());
  }
  CHECK(num_errors > static_cast<int>(5 * good.size()));
}
