// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
using talus::io::Json;
namespace fs = std::filesystem;

namespace {

/// The sound tokenizer with what is at a JSON pointer replaced.
std::string with(std::string const& where, std::string const& value) {
  Json tokenizer = Json::parse(sound_tokenizer());
  tokenizer[Json::json_pointer{where}] = Json::parse(value);
  return tokenizer.dump();
}

HostileFile part(std::string const& where, std::string const& value, std::string const& said) {
  return {concat(where, " = ", value), with(where, value), {said}};
}

std::string nested_sequence(std::string_view key, int levels) {
  std::string all;
  for (int i = 0; i < levels; ++i) {
    all += concat(R"({"type":"Sequence",")", key, "\":[");
  }
  for (int i = 0; i < levels; ++i) {
    all += "]}";
  }
  return all;
}

/// Requests of one chat that a template renders, and one of text beside it.
std::string chat_requests() {
  return concat(R"({"custom_id":"chat","method":"POST","url":"/v1/chat/completions",)",
                R"("body":{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2}})",
                '\n',
                R"({"custom_id":"text","method":"POST","url":"/v1/completions",)",
                R"("body":{"prompt":"Hi","max_tokens":2}})",
                '\n');
}

}  // namespace

TEST_CASE("a tokenizer.json that is no tokenizer is refused") {
  check_refusals("tokenizer.json",
                 {
                     {"empty", "", {"not valid JSON"}},
                     {"null", "null", {"tokenizer.json"}},
                     {"a list", "[]", {"tokenizer.json"}},
                     {"no model", "{}", {"model"}},
                     {"cut", sound_tokenizer().substr(0, 1000), {"not valid JSON", "column"}},
                     {"nested", std::string(1 << 20, '['), {"nested deeper"}},
                     part("/model", "null", "model"),
                     part("/model", "[]", "model"),
                     part("/model/type", "\"WordPiece\"", "WordPiece"),
                     part("/model/type", "\"Neural\"", "Neural"),
                     part("/model/type", "7", "type"),
                     part("/model/vocab", "7", "vocab"),
                     part("/model/vocab", R"({"a": -1})", "-1"),
                     part("/model/vocab", R"({"a": 1.5})", "1.5"),
                     part("/model/vocab", R"({"a": "0"})", "\"a\""),
                     part("/model/vocab", R"({"a": 0, "b": 0})", "same id 0"),
                     part("/model/vocab", R"({"a": 4294967296})", "4294967296"),
                     part("/model/vocab", R"({"a": 18446744073709551615})", "18446744073709551615"),
                     part("/model/merges", "7", "merges"),
                     part("/model/merges", R"(["a"])", "merges"),
                     part("/model/merges", R"(["a b c"])", "merges"),
                     part("/model/merges", R"([["a"]])", "merges"),
                     part("/model/merges", R"([[1, 2]])", "merges"),
                     part("/model/merges", R"(["no such"])", "merges"),
                     part("/added_tokens", R"({"a": 7})", "added_tokens"),
                     part("/added_tokens", "[7]", "added_tokens"),
                     part("/added_tokens/0/content", "7", "content"),
                 });
}

TEST_CASE("a tokenizer.json with parts that are none is refused") {
  check_refusals(
      "tokenizer.json",
      {
          part("/pre_tokenizer", R"({"type": "Telepathy"})", "Telepathy"),
          part("/pre_tokenizer", "[]", "pre_tokenizer"),
          part("/pre_tokenizer", "{}", "type"),
          part("/pre_tokenizer", R"({"type": "Split"})", "behavior"),
          part("/pre_tokenizer",
               R"({"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated","invert":false})",
               "(a"),
          part("/pre_tokenizer",
               R"({"type":"Split","pattern":{"Regex":7},"behavior":"Isolated","invert":false})",
               "Regex"),
          part("/pre_tokenizer",
               R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways","invert":false})",
               "Sideways"),
          part("/pre_tokenizer", R"({"type":"Sequence","pretokenizers":7})", "pretokenizers"),
          part("/normalizer", R"({"type": "Rot13"})", "Rot13"),
          part("/normalizer", R"({"type":"Sequence","normalizers":[7]})", "normalizers"),
          part("/normalizer", R"({"type":"Replace","pattern":{"Regex":"["},"content":""})", "["),
          part("/decoder", R"({"type": "Enigma"})", "Enigma"),
          part("/decoder", R"({"type":"Sequence","decoders":{"a":7}})", "decoders"),
          part("/post_processor", R"({"type": "Blender"})", "Blender"),
          part("/post_processor",
               R"({"type":"TemplateProcessing","single":7,"pair":[],"special_tokens":{}})",
               "single"),
          part("/post_processor",
               R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}],
                   "pair":[],"special_tokens":{}})",
               "x"),
          part("/normalizer", nested_sequence("normalizers", 300), "nested deeper"),
      });
}

TEST_CASE("a tokenizer_config.json that is none is refused") {
  check_refusals("tokenizer_config.json",
                 {
                     {"empty", "", {"not valid JSON"}},
                     {"a token as a number", R"({"bos_token": 7})", {"bos_token"}},
                     {"a token as a list", R"({"eos_token": ["</s>"]})", {"eos_token"}},
                     {"a template as a number", R"({"chat_template": 7})", {"chat_template"}},
                     {"templates without names", R"({"chat_template": [{}]})", {"chat_template"}},
                     {"a template that doesn't end",
                      R"({"chat_template": "{% for m in messages %}"})",
                      {"line 1"}},
                     {"a template with an unknown tag",
                      R"({"chat_template": "\n\n{% launch missiles %}"})",
                      {"line 3", "launch"}},
                     {"a template that reads files",
                      R"({"chat_template": "{% include '/etc/passwd' %}"})",
                      {"line 1", "include"}},
                     {"a template nested deeply",
                      concat(R"({"chat_template": "{{ )", std::string(100'000, '('), "\"}"),
                      {"line 1"}},
                     {"a template of a wrong filter",
                      R"({"chat_template": "{{ messages|frobnicate }}"})",
                      {"frobnicate"}},
                 });
}

TEST_CASE("a template that goes wrong costs its own requests, and no others") {
  HostileRun const run;
  run.write_requests(chat_requests());
  for (std::string const& text : std::vector<std::string>{
           "{{ raise_exception('no such role') }}",
           "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
           "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}"
           "{% endfor %}{{ ns.s }}",
           "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
           "{{ 'x' * 10000000000 }}",
           "{{ range(10000000000) }}",
           "{{ 1 // 0 }}",
           "{{ nothing.of.that }}",
           "{{ messages[99].content }}",
           "{{ 9223372036854775807 + 1 }}",
           "{{ 10 ** 1000000 }}",
           "{{ ''.__class__.__mro__ }}",
           "{{ '%1000000000d' % 7 }}",
           "{{ 'x'.center(10000000000) }}"}) {
    CAPTURE(text);
    run.write("chat_template.jinja", text);
    auto const lines = run.answers();
    REQUIRE(lines.size() == 2);
    for (std::string const& line : lines) {
      Json const answer = Json::parse(line);
      bool const is_chat = answer["custom_id"] == "chat";
      CHECK(answer["error"].is_null() != is_chat);
    }
  }
}

TEST_CASE("a tokenizer that knows more tokens than the model costs the requests that have them") {
  HostileRun const run;
  run.write_requests(chat_requests());
  run.write("tokenizer.json", replaced(sound_tokenizer(), "\"H\":72", "\"H\":100000"));
  auto const lines = run.answers();
  REQUIRE(lines.size() == 2);
  for (std::string const& line : lines) {
    CAPTURE(line);
    Json const answer = Json::parse(line);
    CHECK_FALSE(answer["error"].is_null());
    CHECK((answer["custom_id"] == "chat" || line.find("100000") != std::string::npos));
  }
}

TEST_CASE("a generation_config.json that is none is refused") {
  check_refusals("generation_config.json",
                 {
                     {"empty", "", {"not valid JSON"}},
                     {"a list", "[]", {"not a JSON object"}},
                     {"temperature as text", R"({"temperature": "hot"})", {"temperature"}},
                     {"temperature below 0", R"({"temperature": -1})", {"temperature"}},
                     {"top_p above 1", R"({"top_p": 1.5})", {"top_p"}},
                     {"top_p as a list", R"({"top_p": [0.9]})", {"top_p"}},
                     {"top_k as a fraction", R"({"top_k": 1.5})", {"top_k"}},
                     {"top_k beyond 32 bits", R"({"top_k": 4294967296})", {"top_k"}},
                     {"do_sample as a number", R"({"do_sample": 1})", {"do_sample"}},
                     {"an id below 0", R"({"eos_token_id": -1})", {"eos_token_id"}},
                     {"ids as text", R"({"eos_token_id": ["</s>"]})", {"eos_token_id"}},
                     {"a key twice", R"({"top_k": 1, "top_k": 2})", {"\"top_k\" twice"}},
                 });
}
