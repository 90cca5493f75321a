// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/tokenizer/tokenizer.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/tokenizer_files.hpp"
#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;
using talus::io::AddSpecialTokens;
using talus::io::Json;
using talus::io::Tokenizer;
using talus::io::TokenizerFiles;
using talus::test::ModelDir;

namespace {

Json with_model(Json parts) {
  parts["model"] = {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", Json::array()}};
  return parts;
}

Json unigram(Json const& fields) {
  Json model = {{"type", "Unigram"}};
  model.update(fields);
  return {{"model", model}};
}

Json two_tokens() {
  return Json::array({Json::array({"a", 0.0}), Json::array({"b", -1.0})});
}

void check_refused(Json const& tokenizer_json,
                   std::string const& reason,
                   std::optional<std::string> config = std::nullopt,
                   std::optional<std::string> model = std::nullopt) {
  TokenizerFiles const files{.tokenizer_json = tokenizer_json.dump(),
                             .tokenizer_config_json = std::move(config),
                             .special_tokens_map_json = std::nullopt,
                             .config_json = std::move(model),
                             .dir = "here"};
  CHECK_THROWS_WITH(Tokenizer::parse(files), ContainsSubstring(reason));
}

void check_encode_refused(Json const& tokenizer_json,
                          std::string_view text,
                          std::string const& reason) {
  Tokenizer const tokenizer = Tokenizer::parse({.tokenizer_json = tokenizer_json.dump()});
  CHECK_THROWS_WITH(tokenizer.encode(text, AddSpecialTokens::no), ContainsSubstring(reason));
}

Json split(std::string const& pattern) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", pattern}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

}  // namespace

TEST_CASE("a pattern that backtracks without end is stopped") {
  check_encode_refused(with_model({{"pre_tokenizer", split("(a|a)+$|(a+)+b")}}),
                       std::string(200, 'a') + "c",
                       "retry-limit-in-");
}

TEST_CASE("a pattern that backtracks much at every place is stopped") {
  // Each run costs a million steps or so, and there are many.
  std::string text;
  for (int i = 0; i < 4000; ++i) {
    text += std::string(19, 'a') + "c";
  }
  check_encode_refused(
      with_model({{"pre_tokenizer", split("(a+)+b")}}), text, "retry-limit-in-search over");
}

TEST_CASE("a text that normalizing blows up is stopped") {
  Json const replace = {
      {"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(1 << 20, 'a')}};
  check_encode_refused(with_model({{"normalizer", replace}}), std::string(100, 'a'), "at most");
  Json const twice = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaa"}};
  check_encode_refused(
      with_model({{"normalizer", {{"type", "Sequence"}, {"normalizers", Json(20, twice)}}}}),
      "aa",
      "at most");
}

TEST_CASE("steps and patterns have a limit") {
  Json const lower = {{"type", "Lowercase"}};
  check_refused(
      with_model({{"normalizer", {{"type", "Sequence"}, {"normalizers", Json(65, lower)}}}}),
      "here/tokenizer.json: $.normalizer.normalizers: array (has 65 steps; allowed are 64)");
  check_refused(with_model({{"pre_tokenizer",
                             {{"type", "Sequence"}, {"pretokenizers", Json(65, split("a"))}}}}),
                "has 65 steps");
  check_refused(with_model({{"pre_tokenizer", split(std::string(70'000, 'a'))}}),
                "$.pre_tokenizer.pattern.Regex: a pattern of 70000 bytes");
}

TEST_CASE("a charsmap that is none is refused") {
  auto const charsmap = [](std::string const& base64) {
    return with_model(
        {{"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", base64}}}});
  };
  check_refused(charsmap("AAA"), "must be base64");
  check_refused(charsmap("A?AA"), "must be base64");
  check_refused(charsmap(""), "must begin with the size of a trie");
  check_refused(charsmap("AAAAAA=="), "must begin with the size of a trie");
  check_refused(charsmap("/////wAAAAA="), "must begin with the size of a trie");
  check_refused(charsmap("BAAAAAAAAAD/"), "its replacements must be UTF-8");
}

TEST_CASE("a charsmap whose trie leads nowhere changes nothing") {
  // One unit, of which every offset leads out of the trie.
  Json const parts = with_model(
      {{"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "BAAAAAD8//9h"}}}});
  Tokenizer const tokenizer = Tokenizer::parse({.tokenizer_json = parts.dump()});

  CHECK(tokenizer.encode("a", AddSpecialTokens::no).size() == 1);
}

TEST_CASE("a Unigram model's damage is named") {
  check_refused(unigram({{"vocab", {{"a", 1}}}}), "$.model.vocab: object (must be an array");
  check_refused(unigram({{"vocab", Json::array({Json::array({"a", "b"})})}}),
                "$.model.vocab[0]: array (must be a token and its score");
  check_refused(unigram({{"vocab", two_tokens()}, {"unk_id", 2}}),
                "$.model.unk_id: 2 (the vocabulary has no such token)");
  check_encode_refused(unigram({{"vocab", two_tokens()}}), "ac", "\"c\" can't be tokenized");
}

TEST_CASE("what only transformers can do is refused with the reason") {
  Json const byte_level = with_model(Json::object());
  check_refused(byte_level,
                "here/tokenizer_config.json: $.tokenizer_class: \"T5TokenizerFast\"",
                R"({"tokenizer_class": "T5TokenizerFast"})");
  check_refused(byte_level,
                "Python code beside the model",
                R"({"auto_map": {"AutoTokenizer": ["code.Class", null]}})");
  check_refused(unigram({{"vocab", two_tokens()}}),
                "$.clean_up_tokenization_spaces: true",
                R"({"clean_up_tokenization_spaces": true})");
  Json const first = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
  check_refused(with_model({{"normalizer", {{"type", "Nmt"}}}, {"pre_tokenizer", first}}),
                "nobody knows where a text begins");
}

TEST_CASE("tokens around a text are tokens") {
  check_refused(with_model({{"post_processor",
                             {{"type", "BertProcessing"}, {"cls", {"a", 0}}, {"sep", {"b", 7}}}}}),
                "adds the id 7, which no token has");
}

TEST_CASE("a tokenizer that is no tokenizer.json is named") {
  ModelDir dir;
  dir.write("tiktoken.model", "AAAA 0\n");
  CHECK_THROWS_WITH(Tokenizer::load(dir.path()),
                    ContainsSubstring("there is only tiktoken.model, which is not supported"));
}
