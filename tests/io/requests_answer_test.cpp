// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/answer.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
RunLabels const labels{"run-1", "demo"};

Answer plain(Endpoint endpoint) {
  Answer answer{.custom_id = "a", .endpoint = endpoint, .created = 1700000000};
  answer.prompt_tokens = 3;
  answer.completion_tokens = 2;
  answer.choices.push_back({.text = "Hi"});
  answer.timings = {.ttft = 0.25,
                    .queue = 0.0,
                    .latency = 1.0000004,
                    .preemptions = 1,
                    .kv_blocks_peak = 12,
                    .replica = 3};
  return answer;
}

// One generated token and the two best at its place, of which it is the second.
TokenLogprob second_best() {
  return {.chosen = {5, "b", -1.5F, 2}, .top = {{4, "a", -0.25F, 1}, {5, "b", -1.5F, 2}}};
}

Json parse(std::string const& line) {
  REQUIRE(line.ends_with('\n'));
  REQUIRE(line.find('\n') == line.size() - 1);
  return parse_json(line, "answer");
}

Json body_of(Answer const& answer) {
  return parse(format_answer(answer, labels))["response"]["body"];
}

// The line with the hash of its ids left out, so that the rest can be compared as text.
std::string without_hash(std::string line) {
  auto const start = line.find("talus-") + 6;
  auto const hash = line.substr(start, 32);
  for (std::size_t at = line.find(hash); at != std::string::npos; at = line.find(hash)) {
    line.erase(at, hash.size());
  }
  return line;
}

}  // namespace

TEST_CASE("a completion's line is what OpenAI's batches have") {
  CHECK(without_hash(format_answer(plain(Endpoint::completions), labels)) ==
        R"({"id":"talus-","custom_id":"a","response":{"status_code":200,)"
        R"("request_id":"talus-batch-","body":{"id":"cmpl-","object":"text_completion",)"
        R"("created":1700000000,"model":"demo","choices":[{"index":0,"text":"Hi",)"
        R"("logprobs":null,"finish_reason":"stop","stop_reason":null}],)"
        R"("usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2},)"
        R"("x_talus":{"ttft":0.250000,"queue":0.000000,"latency":1.000000,"preemptions":1,)"
        R"("kv_blocks_peak":12,"replica":3}}},"error":null})"
        "\n");
}

TEST_CASE("a chat's line is what OpenAI's batches have, with its reasoning where it was split") {
  auto answer = plain(Endpoint::chat);
  answer.choices[0].reasoning = "hm";
  answer.choices[0].finish_reason = FinishReason::length;
  answer.choices[0].stop_reason = std::string{"END"};
  CHECK(without_hash(format_answer(answer, labels)) ==
        R"({"id":"talus-","custom_id":"a","response":{"status_code":200,)"
        R"("request_id":"talus-batch-","body":{"id":"chatcmpl-","object":"chat.completion",)"
        R"("created":1700000000,"model":"demo","choices":[{"index":0,"message":)"
        R"({"role":"assistant","content":"Hi","reasoning_content":"hm"},)"
        R"("logprobs":null,"finish_reason":"length","stop_reason":"END"}],)"
        R"("usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2},)"
        R"("x_talus":{"ttft":0.250000,"queue":0.000000,"latency":1.000000,"preemptions":1,)"
        R"("kv_blocks_peak":12,"replica":3}}},"error":null})"
        "\n");
}

TEST_CASE("an answer that ended inside its reasoning has no content") {
  auto answer = plain(Endpoint::chat);
  answer.choices[0].text.clear();
  CHECK(body_of(answer)["choices"][0]["message"].dump() == R"({"role":"assistant","content":""})");
  answer.choices[0].reasoning = "hm";
  CHECK(body_of(answer)["choices"][0]["message"]["content"].is_null());
}

TEST_CASE("token ids stand in the choice if they were asked for, of a chat's prompt beside it") {
  auto answer = plain(GENERATE(Endpoint::chat, Endpoint::completions));
  answer.choices[0].token_ids = {7, 8};
  answer.prompt_token_ids = std::vector<std::int32_t>{};
  answer.choices[0].stop_reason = 8;
  auto const body = body_of(answer);
  auto const choice = body["choices"][0];
  CHECK(choice["token_ids"].dump() == "[7,8]");
  CHECK((answer.endpoint == Endpoint::chat ? body : choice)["prompt_token_ids"].dump() == "[]");
  CHECK(choice["stop_reason"] == 8);
}

TEST_CASE("a completion's log-probabilities are in vLLM's form") {
  auto answer = plain(Endpoint::completions);
  answer.choices[0].logprobs = {{.chosen = {1, "\xC3\xA9!", -0.5F, 1}, .top = {}}, second_best()};
  CHECK(body_of(answer)["choices"][0]["logprobs"].dump() ==
        R"({"text_offset":[0,2],"token_logprobs":[-0.5,-1.5],"tokens":["é!","b"],)"
        R"("top_logprobs":[{"é!":-0.5},{"b":-1.5,"a":-0.25}]})");
}

TEST_CASE("tokens of the same text have one entry, as a key stands once in an object") {
  auto answer = plain(Endpoint::completions);
  answer.choices[0].logprobs = {
      {.chosen = {1, "\xE2", -2.0F, 3}, .top = {{2, "\xE3", -1.0F, 1}, {3, "x", -1.5F, 2}}}};
  auto const top = body_of(answer)["choices"][0]["logprobs"]["top_logprobs"][0];
  CHECK(top.dump() == "{\"\xEF\xBF\xBD\":-2.0,\"x\":-1.5}");
}

TEST_CASE("a chat's log-probabilities have each token's bytes, also of half a character") {
  auto answer = plain(Endpoint::chat);
  answer.choices[0].logprobs = {second_best(), {.chosen = {6, "\xF0\x9F", -0.125F, 1}, .top = {}}};
  CHECK(
      body_of(answer)["choices"][0]["logprobs"].dump() ==
      R"({"content":[{"token":"b","logprob":-1.5,"bytes":[98],"top_logprobs":)"
      R"([{"token":"a","logprob":-0.25,"bytes":[97]},{"token":"b","logprob":-1.5,"bytes":[98]}]},)"
      "{\"token\":\"\xEF\xBF\xBD\",\"logprob\":-0.125,\"bytes\":[240,159],\"top_logprobs\":[]}]}");
}

TEST_CASE("an echoed prompt's first token has no log-probability") {
  auto answer = plain(Endpoint::completions);
  answer.choices[0].logprobs = {{.chosen = {1, "A", std::nanf(""), 1}, .top = {}}, second_best()};
  CHECK(body_of(answer)["choices"][0]["logprobs"].dump() ==
        R"({"text_offset":[0,1],"token_logprobs":[null,-1.5],"tokens":["A","b"],)"
        R"("top_logprobs":[null,{"b":-1.5,"a":-0.25}]})");
}

TEST_CASE("choices stand in order, each with what it has and with what was asked of the prompt") {
  auto answer = plain(Endpoint::completions);
  answer.choices.push_back({.text = "Ho", .finish_reason = FinishReason::repetition});
  answer.choices[1].stop_reason = std::string{"repetition_detected"};
  answer.prompt_token_ids = {1, 2, 3};
  answer.prompt_logprobs = {second_best()};
  auto const choices = body_of(answer)["choices"];
  REQUIRE(choices.size() == 2);
  CHECK(choices[0]["index"] == 0);
  CHECK(choices[0]["text"] == "Hi");
  CHECK(choices[1]["index"] == 1);
  CHECK(choices[1]["text"] == "Ho");
  CHECK(choices[1]["finish_reason"] == "repetition");
  CHECK(choices[1]["stop_reason"] == "repetition_detected");
  for (auto const* const key : {"prompt_token_ids", "prompt_logprobs"}) {
    CHECK(choices[0][key] == choices[1][key]);
    CHECK(choices[0][key].size() > 1);
  }
}

TEST_CASE("reasoning tokens are told where reasoning is split off") {
  auto answer = plain(Endpoint::chat);
  CHECK_FALSE(body_of(answer)["usage"].contains("completion_tokens_details"));
  answer.reasoning_tokens = 4;
  CHECK(body_of(answer)["usage"].dump() ==
        R"({"prompt_tokens":3,"total_tokens":5,"completion_tokens":2,)"
        R"("completion_tokens_details":{"reasoning_tokens":4}})");
}

TEST_CASE("a prompt's log-probabilities begin with null and go by token id") {
  std::string const expected = R"([null,{"5":{"logprob":-1.5,"rank":2,"decoded_token":"b"},)"
                               R"("4":{"logprob":-0.25,"rank":1,"decoded_token":"a"}}])";
  auto answer = plain(Endpoint::completions);
  answer.prompt_logprobs = {second_best()};
  CHECK(body_of(answer)["choices"][0]["prompt_logprobs"].dump() == expected);
  answer.endpoint = Endpoint::chat;
  CHECK(body_of(answer)["prompt_logprobs"].dump() == expected);
  CHECK_FALSE(body_of(answer)["choices"][0].contains("prompt_logprobs"));
}

TEST_CASE("log-probabilities are printed in the fewest digits that give the same float back") {
  std::vector<float> values{-0.0F, -1.0F, -0.1F, -1.1754944e-38F, -1e-45F, -3.4028235e38F};
  for (std::uint32_t bits = 0x80000000U; bits < 0xC6000000U; bits += 9973U * 4096U) {
    values.push_back(std::bit_cast<float>(bits));
  }
  for (float const value : values) {
    auto answer = plain(Endpoint::completions);
    answer.choices[0].logprobs = {{.chosen = {1, "x", value, 1}, .top = {}}};
    auto const line = format_answer(answer, labels);
    auto const start = line.find("\"token_logprobs\":[") + 18;
    float const back = std::strtof(line.c_str() + start, nullptr);
    CAPTURE(value);
    CHECK(std::bit_cast<std::uint32_t>(back) ==
          std::bit_cast<std::uint32_t>(std::max(value, -9999.0F)));
  }
  auto answer = plain(Endpoint::completions);
  answer.choices[0].logprobs = {{.chosen = {1, "x", -0.1F, 1}, .top = {}}};
  CHECK_THAT(format_answer(answer, labels), ContainsSubstring("\"token_logprobs\":[-0.1]"));
}

TEST_CASE("infinite log-probabilities are cut, and those that are no number are null") {
  auto answer = plain(Endpoint::completions);
  answer.choices[0].logprobs = {{.chosen = {1, "x", -infinity, 1}, .top = {}},
                                {.chosen = {1, "x", std::nanf(""), 1}, .top = {}}};
  CHECK(body_of(answer)["choices"][0]["logprobs"]["token_logprobs"].dump() == "[-9999.0,null]");
}

TEST_CASE("a line is valid JSON in UTF-8 whatever bytes an answer has") {
  auto answer = plain(Endpoint::completions);
  answer.choices[0].text.assign("a\"\\\n\r\t\b\0\x1F\x7F\xE2\x82\xAC", 13);
  answer.choices[0].text.append("\xFF\xE2\x82z\xED\xA0\x80\xF0\x9F\x98\x80");
  // FF and E2 82 are one mark each; of ED A0 80, a surrogate, each byte is.
  std::string const mark = "\xEF\xBF\xBD";
  std::string expected{"a\"\\\n\r\t\b\0\x1F\x7F\xE2\x82\xAC", 13};
  expected.append(mark).append(mark).append("z").append(mark).append(mark).append(mark);
  expected.append("\xF0\x9F\x98\x80");
  CHECK(body_of(answer)["choices"][0]["text"].get<std::string>() == expected);
}

TEST_CASE("every byte by itself makes a valid line") {
  for (int byte = 0; byte < 256; ++byte) {
    auto answer = plain(Endpoint::chat);
    answer.custom_id = std::string(1, static_cast<char>(byte));
    answer.choices[0].stop_reason = answer.custom_id;
    CHECK(parse(format_answer(answer, labels))["custom_id"].is_string());
  }
}

TEST_CASE("ids depend on the run and on the request, and on nothing else") {
  auto answer = plain(Endpoint::completions);
  auto const id = parse(format_answer(answer, labels))["id"];
  CHECK(parse(format_answer(answer, {"run-2", "demo"}))["id"] != id);
  answer.choices[0].text = "other";
  CHECK(parse(format_answer(answer, labels))["id"] == id);
  answer.custom_id = "b";
  CHECK(parse(format_answer(answer, labels))["id"] != id);
  CHECK(id.get<std::string>().size() == 6 + 32);
}

TEST_CASE("an error's line says what, where and to whom") {
  RequestError const error{.custom_id = "a",
                           .line = 12,
                           .code = "invalid_value",
                           .message = "body.top_p: \"2\" is too much",
                           .param = "body.top_p"};
  CHECK(without_hash(format_error(error, labels)) ==
        R"({"id":"talus-","custom_id":"a","response":{"status_code":400,)"
        R"("request_id":"talus-batch-","body":{"error":)"
        R"({"message":"body.top_p: \"2\" is too much","type":"invalid_request_error",)"
        R"("param":"body.top_p","code":"invalid_value"}}},)"
        R"("error":{"code":"invalid_value","message":"body.top_p: \"2\" is too much",)"
        R"("param":"body.top_p","line":12}})"
        "\n");
}

TEST_CASE("an error whose line could not be read has null for what is not known") {
  RequestError const error{.line = 1, .status_code = 500, .code = "c", .message = "\xFF"};
  auto const line = parse(format_error(error, labels));
  CHECK(line["custom_id"].is_null());
  CHECK(line["error"]["param"].is_null());
  CHECK(line["error"]["message"] == "\xEF\xBF\xBD");
  CHECK(line["response"]["body"]["error"]["type"] == "server_error");
  auto other = error;
  other.line = 2;
  CHECK(parse(format_error(other, labels))["id"] != line["id"]);
}
