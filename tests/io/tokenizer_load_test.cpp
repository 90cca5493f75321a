// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "io/tokenizer/tokenizer.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/tokenizer_files.hpp"
#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;
using talus::io::Tokenizer;
using talus::test::ModelDir;

namespace {

constexpr std::string_view tiny_model =
    R"("model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})";

/// tokenizer.json with this part besides a model.
std::string with_model(std::string_view part) {
  return talus::concat('{', part, ", ", tiny_model, '}');
}

/// tokenizer.json with this model alone.
std::string model(std::string_view body) {
  return R"({"model": {)" + std::string{body} + "}}";
}

struct Refused {
  std::string content;
  std::string_view path;
  std::string_view reason;
};

void check_refused(Refused const& refused) {
  ModelDir dir;
  dir.write("tokenizer.json", refused.content);
  INFO(refused.content);
  std::string const file = (dir.path() / "tokenizer.json").string();
  CHECK_THROWS_MATCHES(
      Tokenizer::load(dir.path()),
      ConfigError,
      Catch::Matchers::MessageMatches(ContainsSubstring(talus::concat(file, ": ")) &&
                                      ContainsSubstring(std::string{refused.path}) &&
                                      ContainsSubstring(std::string{refused.reason})));
}

}  // namespace

TEST_CASE("an unknown type is named with its file and its place") {
  check_refused({with_model(R"("normalizer": {"type": "BertNormalizer"})"),
                 "$.normalizer.type: \"BertNormalizer\"",
                 "unknown normalizer"});
  check_refused({with_model(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                             {"type": "WhitespaceSplit"}, {"type": "UnicodeScripts"}]})"),
                 "$.pre_tokenizer.pretokenizers[1].type: \"UnicodeScripts\"",
                 "unknown pre-tokenizer"});
  check_refused({with_model(R"("post_processor": {"type": "Padding"})"),
                 "$.post_processor.type: \"Padding\"",
                 "unknown post-processor"});
  check_refused(
      {with_model(R"("decoder": {"type": "CTC"})"), "$.decoder.type: \"CTC\"", "unknown decoder"});
  check_refused({model(R"("type": "WordPiece")"), "$.model.type: \"WordPiece\"", "unknown model"});
  check_refused({model(R"("type": "WordLevel")"), "$.model.type: \"WordLevel\"", "unknown model"});
  check_refused({with_model(R"("pre_tokenizer": {"type": "Split", "invert": false,
                             "pattern": {"String": " "}, "behavior": "Dropped"})"),
                 "$.pre_tokenizer.behavior: \"Dropped\"",
                 "unknown behavior"});
}

TEST_CASE("what a model can't do is refused by the name of its option") {
  std::string const rest = R"(, "type": "BPE", "vocab": {"a": 0}, "merges": [])";
  check_refused({model(R"("dropout": 0.1)" + rest), "$.model.dropout: 0.1", "not supported"});
  check_refused({model(R"("end_of_word_suffix": "</w>")" + rest),
                 "$.model.end_of_word_suffix: \"</w>\"",
                 "not supported"});
  check_refused({model(R"("continuing_subword_prefix": "@@")" + rest),
                 "$.model.continuing_subword_prefix",
                 "not supported"});
  check_refused({with_model(R"("decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"},
                             {"type": "ByteLevel"}]})"),
                 "$.decoder.decoders[1].type",
                 "behind ByteLevel or Fuse"});
}

TEST_CASE("a damaged tokenizer.json is named with the place of the damage") {
  check_refused({"{", "not valid JSON", ""});
  check_refused({"[]", "$: array", "must be an object"});
  check_refused({"{}", "$: object", "has no \"model\""});
  check_refused({R"({"version": "2.0"})", "$.version: \"2.0\"", "unknown version"});
  check_refused({model(R"("type": "BPE", "merges": [])"), "$.model: object", "has no \"vocab\""});
  check_refused({model(R"("type": "BPE", "vocab": {"a": -1}, "merges": [])"),
                 "$.model.vocab",
                 "token \"a\" has the id -1"});
  check_refused({model(R"("type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": [])"),
                 "$.model.vocab",
                 "\"a\" and \"b\" have the same id 0"});
  check_refused({model(R"("type": "BPE", "vocab": {"a": 0}, "merges": ["a c"])"),
                 "$.model.merges[0]",
                 "\"c\" is not in the vocabulary"});
  check_refused({model(R"("type": "BPE", "vocab": {"a": 0}, "merges": ["a a"])"),
                 "$.model.merges[0]",
                 "\"aa\" is not in the vocabulary"});
  check_refused({model(R"("type": "BPE", "vocab": {"a": 0}, "merges": [["a"]])"),
                 "$.model.merges[0]",
                 "must be two tokens"});
  check_refused({with_model(R"("added_tokens": [{"id": 3, "content": 7}])"),
                 "$.added_tokens[0].content: 7",
                 "must be a string"});
  check_refused({with_model(R"("pre_tokenizer": {"type": "Split", "behavior": "Isolated",
                             "pattern": {"Regex": "(a"}})"),
                 "$.pre_tokenizer.pattern.Regex: \"(a\"",
                 "end pattern with unmatched parenthesis"});
}

TEST_CASE("a template needs the text once and its tokens' ids") {
  auto const templated = [](std::string_view single) {
    return with_model(R"("post_processor": {"type": "TemplateProcessing", "special_tokens": {},
                      "single": [)" +
                      std::string{single} + "]}");
  };
  std::string_view const text = R"({"Sequence": {"id": "A", "type_id": 0}})";
  check_refused({templated(""), "$.post_processor.single", "has it once"});
  check_refused({templated(std::string{text} + ", " + std::string{text}),
                 "$.post_processor.single[1].Sequence.id",
                 "has it once"});
  check_refused({templated(R"({"SpecialToken": {"id": "<s>", "type_id": 0}})"),
                 "$.post_processor.special_tokens",
                 "has no \"<s>\""});
}

TEST_CASE("a missing tokenizer.json is named") {
  ModelDir dir;
  CHECK_THROWS_WITH(Tokenizer::load(dir.path()),
                    ContainsSubstring("tokenizer.json: can't be read"));
}

TEST_CASE("a damaged tokenizer_config.json is named") {
  ModelDir dir;
  dir.write("tokenizer.json", talus::concat('{', tiny_model, '}'));
  auto const refused = [&](std::string_view config, std::string const& reason) {
    dir.write("tokenizer_config.json", config);
    CHECK_THROWS_WITH(Tokenizer::load(dir.path()),
                      ContainsSubstring("tokenizer_config.json: ") && ContainsSubstring(reason));
  };
  refused("{\"eos_token\": }", "not valid JSON");
  refused(R"({"eos_token": 5})", "$.eos_token: 5 (must be an object)");
  refused(R"({"added_tokens_decoder": {"x": {"content": "y"}}})", "must be a token id");
  refused(R"({"split_special_tokens": true})", "$.split_special_tokens: true");
}
