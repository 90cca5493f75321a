// SPDX-License-Identifier: Apache-2.0
#include <limits>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/request.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;

namespace {

std::string completion(std::string_view rest) {
  return std::string{R"({"custom_id":"a","method":"POST","url":"/v1/completions","body":{)"} +
         std::string{rest} + "}}";
}

std::string chat(std::string_view rest) {
  return std::string{
             R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"messages":)"} +
         std::string{rest} + "}}";
}

Request accept(std::string const& line, RequestDefaults const& defaults = {}) {
  auto parsed = parse_request(line, 7, defaults);
  if (auto const* const error = std::get_if<RequestError>(&parsed)) {
    FAIL(error->code << ": " << error->message);
  }
  return std::get<Request>(std::move(parsed));
}

Json chat_prompt(std::string const& line) {
  return parse_json(std::get<ChatPrompt>(accept(line).prompt).json, "prompt");
}

}  // namespace

TEST_CASE("a completion request is read whole") {
  auto const request = accept(completion(
      R"("model":"m","prompt":"Hi \u00e9","temperature":0.5,"top_p":0.9,"min_p":0.1,"top_k":20,
         "seed":18446744073709551615,"max_tokens":12,"stop":["x","yz"],"stop_token_ids":[3,4],
         "ignore_eos":true,"logprobs":5,"prompt_logprobs":0,"return_token_ids":true,
         "skip_special_tokens":false)"));

  SamplingParams expected{.temperature = 0.5F, .top_p = 0.9F, .min_p = 0.1F, .top_k = 20};
  expected.seed = std::numeric_limits<std::uint64_t>::max();
  expected.max_tokens = 12;
  expected.stop = {"x", "yz"};
  expected.stop_token_ids = {3, 4};
  expected.ignore_eos = true;
  expected.logprobs = 5;
  expected.prompt_logprobs = 0;
  expected.return_token_ids = true;
  expected.skip_special_tokens = false;
  CHECK(request.custom_id == "a");
  CHECK(request.line == 7);
  CHECK(request.endpoint == Endpoint::completions);
  CHECK(request.model == "m");
  CHECK(std::get<std::string>(request.prompt) == "Hi \xC3\xA9");
  CHECK(request.params == expected);
}

TEST_CASE("a prompt may be a list of token ids under either name") {
  std::vector<std::int32_t> const ids{1, 0, 2147483647};
  CHECK(std::get<1>(accept(completion(R"("prompt":[1,0,2147483647])")).prompt) == ids);
  CHECK(std::get<1>(accept(completion(R"("prompt_token_ids":[1,0,2147483647])")).prompt) == ids);
}

TEST_CASE("what a request does not say comes from the defaults") {
  RequestDefaults const defaults{.temperature = 0.6F,
                                 .top_p = 0.95F,
                                 .min_p = 0.05F,
                                 .top_k = 20,
                                 .repetition_penalty = 1.1F,
                                 .max_tokens = 9};

  auto const silent = accept(completion(R"("prompt":"x")"), defaults).params;
  auto const spoken =
      accept(completion(R"("prompt":"x","temperature":0,"top_k":-1,"max_completion_tokens":3)"),
             defaults)
          .params;

  CHECK(silent.temperature == 0.6F);
  CHECK(silent.top_p == 0.95F);
  CHECK(silent.min_p == 0.05F);
  CHECK(silent.top_k == 20);
  CHECK(silent.repetition_penalty == 1.1F);
  CHECK_FALSE(silent.max_tokens);  // the context may have room for fewer
  CHECK(spoken.temperature == 0.0F);
  CHECK(spoken.top_k == -1);
  CHECK(spoken.top_p == 0.95F);
  CHECK(spoken.max_tokens == 3);
}

TEST_CASE("values that change nothing are accepted, and null is as if not given") {
  auto const plain = accept(completion(R"("prompt":"x")"));
  auto const neutral = accept(completion(
      R"("prompt":"x","n":1,"best_of":1,"presence_penalty":0,"frequency_penalty":0.0,
         "repetition_penalty":1.0,"stream":false,"logit_bias":{},"user":"me","echo":false,
         "suffix":null,"response_format":{"type":"text"},"min_tokens":0,"bad_words":[],
         "structured_outputs":null,"temperature":null,"stop":null,"seed":null,"logprobs":null,
         "max_tokens":null,"metadata":{"k":"v"},"thinking_token_budget":-1,
         "repetition_detection":{"max_pattern_size":0,"min_pattern_size":0,"min_count":0},
         "allowed_token_ids":null,"include_stop_str_in_output":false,"detokenize":true,
         "spaces_between_special_tokens":true,"use_beam_search":false,"length_penalty":1.0,
         "priority":0,"prompt_cache_key":"k","truncate_prompt_tokens":null,
         "truncation_side":null,"watermarking":null,"return_token_offsets":false)"));
  auto params = neutral.params;
  CHECK(params.best_of == 1);
  params.best_of.reset();
  CHECK(params == plain.params);
  CHECK(neutral.prompt_rules == plain.prompt_rules);
}

TEST_CASE("what shapes the choice of tokens is read") {
  auto const request = accept(completion(
      R"("prompt":"x","repetition_penalty":1.25,"presence_penalty":-2,"frequency_penalty":2,
         "logit_bias":{"70":-100,"5":0.5,"6":1e9},"allowed_token_ids":[9,4],
         "bad_words":["no"," never"],"n":2,"best_of":5,"min_tokens":3,"max_tokens":8,
         "include_stop_str_in_output":true,"thinking_token_budget":0,
         "repetition_detection":{"max_pattern_size":20,"min_count":3},"echo":true)"));

  SamplingParams expected{.repetition_penalty = 1.25F};
  expected.presence_penalty = -2.0F;
  expected.frequency_penalty = 2.0F;
  expected.logit_bias = {{5, 0.5F}, {6, 100.0F}, {70, -100.0F}};
  expected.allowed_token_ids = {9, 4};
  expected.bad_words = {"no", " never"};
  expected.n = 2;
  expected.best_of = 5;
  expected.min_tokens = 3;
  expected.max_tokens = 8;
  expected.include_stop_str_in_output = true;
  expected.thinking_token_budget = 0;
  expected.repetition_detection = {.max_pattern_size = 20, .min_count = 3};
  expected.echo = true;
  CHECK(request.params == expected);
  CHECK(request.params.num_samples() == 5);
}

TEST_CASE("a prompt's rules are read; a text gets special tokens and a conversation does not") {
  auto const plain = accept(completion(R"("prompt":"x")")).prompt_rules;
  auto const other = accept(completion(R"("prompt":"x","add_special_tokens":false,
      "truncate_prompt_tokens":7,"truncation_side":"right")"))
                         .prompt_rules;
  std::string const messages = R"([{"role":"user","content":"x"}])";

  CHECK(plain == PromptRules{});
  CHECK(other == PromptRules{false, 7, TruncationSide::right});
  CHECK_FALSE(accept(chat(messages)).prompt_rules.add_special_tokens);
  CHECK(accept(chat(messages + R"(,"add_special_tokens":true)")).prompt_rules.add_special_tokens);
  CHECK(accept(chat(messages + R"(,"truncate_prompt_tokens":-1)"))
            .prompt_rules.truncate_prompt_tokens == -1);
}

TEST_CASE("an answer may echo its prompt and be nothing else") {
  CHECK(accept(completion(R"("prompt":"x","echo":true,"max_tokens":0)")).params.max_tokens == 0);
}

TEST_CASE("a conversation may end in a message to go on with, which no other begins after") {
  std::string const messages = R"([{"role":"assistant","content":"x"}],"continue_final_message":)";
  auto const prompt = std::get<ChatPrompt>(accept(chat(messages + "true")).prompt);
  CHECK(prompt.continue_final_message);
  CHECK(parse_json(prompt.json, "prompt")["add_generation_prompt"] == false);
  CHECK_FALSE(std::get<ChatPrompt>(accept(chat(messages + "false")).prompt).continue_final_message);
}

TEST_CASE("an effort of reasoning is a variable of the template") {
  std::string const messages = R"([{"role":"user","content":"x"}],"reasoning_effort":)";
  CHECK(chat_prompt(chat(messages + R"("low")"))["chat_template_kwargs"].dump() ==
        R"({"reasoning_effort":"low","enable_thinking":true})");
  CHECK(chat_prompt(chat(messages + R"("none")"))["chat_template_kwargs"]["enable_thinking"] ==
        false);
  CHECK(chat_prompt(chat(
            messages +
            R"("high","chat_template_kwargs":{"enable_thinking":false})"))["chat_template_kwargs"]
            .dump() == R"({"enable_thinking":false,"reasoning_effort":"high"})");
}

TEST_CASE("whole numbers may be written with a fraction of zero, and seeds may be negative") {
  auto const params =
      accept(completion(R"("prompt":"x","max_tokens":1e2,"top_k":4.0,"seed":-2)")).params;
  CHECK(params.max_tokens == 100);
  CHECK(params.top_k == 4);
  CHECK(params.seed == std::numeric_limits<std::uint64_t>::max() - 1);
}

TEST_CASE("both names of the token limit may be given if they agree") {
  auto const line = completion(R"("prompt":"x","max_tokens":5,"max_completion_tokens":5)");
  CHECK(accept(line).params.max_tokens == 5);
}

TEST_CASE("a conversation goes to the template as it is, its parts of text joined") {
  auto const prompt = chat_prompt(chat(
      R"([{"role":"system","content":"S"},
          {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],
         "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto",
         "documents":[{"title":"t"}],"chat_template_kwargs":{"enable_thinking":false,"z":1,"a":2})"));

  CHECK(prompt["messages"][0].dump() == R"({"role":"system","content":"S"})");
  CHECK(prompt["messages"][1]["content"] == "a\nb");
  CHECK(prompt["tools"][0]["function"]["name"] == "f");
  CHECK(prompt["documents"][0]["title"] == "t");
  CHECK(prompt["chat_template_kwargs"].dump() == R"({"enable_thinking":false,"z":1,"a":2})");
  CHECK(prompt["add_generation_prompt"] == true);
  CHECK_FALSE(prompt.contains("tool_choice"));
}

TEST_CASE("a request may leave the generation prompt out") {
  auto const prompt =
      chat_prompt(chat(R"([{"role":"user","content":""}],"add_generation_prompt":false)"));
  CHECK(prompt["add_generation_prompt"] == false);
}

TEST_CASE("arguments of tool calls become objects, and such a message needs no content") {
  auto const prompt = chat_prompt(chat(
      R"([{"role":"assistant","content":null,"tool_calls":[
           {"type":"function","function":{"name":"f","arguments":"{\"x\": [1]}"}},
           {"type":"function","function":{"name":"g","arguments":{"y":2}}},
           {"type":"function","function":{"name":"h","arguments":""}}]},
          {"role":"tool","tool_call_id":"1","content":"42"}])"));

  auto const& calls = prompt["messages"][0]["tool_calls"];
  CHECK(calls[0]["function"]["arguments"].dump() == R"({"x":[1]})");
  CHECK(calls[1]["function"]["arguments"].dump() == R"({"y":2})");
  CHECK(calls[2]["function"]["arguments"].dump() == "{}");
  CHECK(prompt["messages"][1]["tool_call_id"] == "1");
}

TEST_CASE("a chat asks for log-probabilities in two parameters") {
  std::string const messages = R"([{"role":"user","content":"x"}])";
  CHECK(accept(chat(messages + R"(,"logprobs":true,"top_logprobs":4)")).params.logprobs == 4);
  CHECK(accept(chat(messages + R"(,"logprobs":true)")).params.logprobs == 0);
  CHECK_FALSE(accept(chat(messages + R"(,"logprobs":false,"top_logprobs":0)")).params.logprobs);
  CHECK(accept(chat(messages)).endpoint == Endpoint::chat);
}

TEST_CASE("problems of parameters are found at their limits") {
  auto const param_of = [](auto change) {
    SamplingParams params;
    change(params);
    auto const problem = find_problem(params);
    return problem ? problem->param : std::string{};
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();

  CHECK(param_of([](auto&) {}).empty());
  CHECK(param_of([](auto& p) { p.temperature = -0.1F; }) == "temperature");
  CHECK(param_of([](auto& p) { p.temperature = nan; }) == "temperature");
  CHECK(param_of([](auto& p) { p.top_p = 0.0F; }) == "top_p");
  CHECK(param_of([](auto& p) { p.top_p = nan; }) == "top_p");
  CHECK(param_of([](auto& p) { p.min_p = 1.1F; }) == "min_p");
  CHECK(param_of([](auto& p) { p.top_k = -1; }).empty());
  CHECK(param_of([](auto& p) { p.top_k = -2; }) == "top_k");
  CHECK(param_of([](auto& p) { p.max_tokens = 0; }) == "max_tokens");
  CHECK(param_of([](auto& p) { p.stop.assign(max_stop_strings, "s"); }).empty());
  CHECK(param_of([](auto& p) { p.stop.assign(max_stop_strings + 1, "s"); }) == "stop");
  CHECK(param_of([](auto& p) { p.stop = {"a", ""}; }) == "stop");
  CHECK(param_of([](auto& p) { p.stop_token_ids = {-1}; }) == "stop_token_ids");
  CHECK(param_of([](auto& p) { p.logprobs = 20; }).empty());
  CHECK(param_of([](auto& p) { p.logprobs = 21; }) == "logprobs");
  CHECK(param_of([](auto& p) { p.prompt_logprobs = -1; }) == "prompt_logprobs");
  CHECK(param_of([](auto& p) { p.repetition_penalty = 0.01F; }).empty());
  CHECK(param_of([](auto& p) { p.repetition_penalty = 0.0F; }) == "repetition_penalty");
  CHECK(param_of([](auto& p) { p.repetition_penalty = nan; }) == "repetition_penalty");
  CHECK(param_of([](auto& p) { p.presence_penalty = -2.0F; }).empty());
  CHECK(param_of([](auto& p) { p.presence_penalty = 2.01F; }) == "presence_penalty");
  CHECK(param_of([](auto& p) { p.frequency_penalty = nan; }) == "frequency_penalty");
  CHECK(param_of([](auto& p) { p.n = max_samples; }).empty());
  CHECK(param_of([](auto& p) { p.n = max_samples + 1; }) == "n");
  CHECK(param_of([](auto& p) { p.n = 0; }) == "n");
  CHECK(param_of([](auto& p) { p.best_of = max_samples + 1; }) == "best_of");
  CHECK(param_of([](auto& p) {
          p.n = 3;
          p.best_of = 2;
        }) == "best_of");
  CHECK(param_of([](auto& p) { p.min_tokens = -1; }) == "min_tokens");
  CHECK(param_of([](auto& p) {
          p.max_tokens = 4;
          p.min_tokens = 4;
        }).empty());
  CHECK(param_of([](auto& p) {
          p.max_tokens = 4;
          p.min_tokens = 5;
        }) == "min_tokens");
  CHECK(param_of([](auto& p) { p.thinking_token_budget = -2; }) == "thinking_token_budget");
  CHECK(param_of([](auto& p) { p.bad_words = {"a", ""}; }) == "bad_words");
  CHECK(param_of([](auto& p) { p.bad_words.assign(max_bad_words + 1, "w"); }) == "bad_words");
  CHECK(param_of([](auto& p) { p.logit_bias = {{-1, 0.0F}}; }) == "logit_bias");
  CHECK(param_of([](auto& p) { p.allowed_token_ids = {-1}; }) == "allowed_token_ids");
  auto const repetition = [&](RepetitionDetection const& rule) {
    return param_of([&](auto& p) { p.repetition_detection = rule; });
  };
  CHECK(repetition({.max_pattern_size = max_repetition_pattern, .min_count = 2}).empty());
  CHECK(repetition({.max_pattern_size = max_repetition_pattern + 1, .min_count = 2}) ==
        "repetition_detection");
  CHECK(repetition({.max_pattern_size = 3, .min_count = 1}) == "repetition_detection");
  CHECK(repetition({.max_pattern_size = 3, .min_pattern_size = 4, .min_count = 2}) ==
        "repetition_detection");
  CHECK(repetition({.min_pattern_size = -1}) == "repetition_detection");
}
