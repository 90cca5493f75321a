// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/sequence_inputs.hpp"

#include <string>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

using Tokens = std::vector<std::int32_t>;

constexpr std::int32_t begin_token = 1406;  // of the llama3 tokenizer of the tests
std::string const sentence = "The quick brown fox jumps over the lazy dog 12345";

TextModel const& text_model() {
  static TextModel const text{std::string{TALUS_TEST_DATA} + "/tokenizers/llama3", {}};
  return text;
}

BatchRules rules() {
  BatchRules rules;
  rules.max_model_len = 60;
  rules.vocab = 1412;
  rules.eos_tokens = {1411, 1409};
  rules.seed = 7;
  return rules;
}

io::Request request(io::SamplingParams params = {}) {
  return {.custom_id = "a", .line = 1, .prompt = sentence, .params = std::move(params)};
}

std::vector<SequenceInput> make(io::Request const& request, BatchRules const& batch = rules()) {
  return make_sequence_inputs(request, 3, batch, text_model());
}

Tokens encoded(std::string const& text) {
  return text_model().tokenizer().encode(text, io::AddSpecialTokens::no);
}

}  // namespace

TEST_CASE("a request without options asks nothing of its tokens") {
  auto const inputs = make(request());

  REQUIRE(inputs.size() == 1);
  CHECK_FALSE(inputs[0].rules);
  CHECK(inputs[0].number == 3);
  CHECK(inputs[0].seed == 7);
  CHECK(inputs[0].key == request_key("a"));
  CHECK(inputs[0].prompt.front() == begin_token);
  CHECK(inputs[0].max_tokens == 60 - std::ssize(inputs[0].prompt));
  CHECK(inputs[0].logprobs == -1);
  CHECK(inputs[0].prompt_logprobs == -1);
}

TEST_CASE("samples differ by their number, and the first alone tells of the prompt") {
  auto const inputs = make(request({.seed = 5, .n = 3, .logprobs = 2, .prompt_logprobs = 1}));

  REQUIRE(inputs.size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(inputs[i].sample == i);
    CHECK(inputs[i].num_samples == 3);
    CHECK(inputs[i].prompt == inputs[0].prompt);
    CHECK(inputs[i].seed == 5);
    CHECK(inputs[i].key == 0);
    CHECK(inputs[i].logprobs == 2);
    CHECK(inputs[i].prompt_logprobs == (i == 0 ? 1 : -1));
  }
}

TEST_CASE("log-probabilities are asked for where a choice or an echo needs them") {
  CHECK(make(request({.n = 2, .best_of = 4})).front().logprobs == 0);
  CHECK(make(request({.n = 4, .best_of = 4})).front().logprobs == -1);
  CHECK(make(request({.logprobs = 3, .echo = true})).front().prompt_logprobs == 3);
  CHECK(
      make(request({.logprobs = 3, .prompt_logprobs = 5, .echo = true})).front().prompt_logprobs ==
      5);
  CHECK(make(request({.echo = true})).front().prompt_logprobs == -1);
}

TEST_CASE("how long an answer may be comes from the request, the model, and the room") {
  auto const length = std::ssize(make(request()).front().prompt);
  BatchRules batch = rules();
  auto const max_tokens = [&](std::optional<std::int32_t> wanted) {
    return make(request({.max_tokens = wanted}), batch).front().max_tokens;
  };
  CHECK(max_tokens(4) == 4);
  CHECK(max_tokens(std::nullopt) == 60 - length);
  batch.defaults.max_tokens = 5;
  CHECK(max_tokens(std::nullopt) == 5);
  CHECK(max_tokens(9) == 9);
  batch.defaults.max_tokens = 5000;
  CHECK(max_tokens(std::nullopt) == 60 - length);
  CHECK_THROWS_WITH(max_tokens(60), ContainsSubstring("max_tokens: 60 after"));
  CHECK(make(request({.max_tokens = 0, .echo = true})).front().max_tokens == 1);
  CHECK_THROWS_WITH(make(request({.min_tokens = 59})), ContainsSubstring("min_tokens: 59 after"));
}

TEST_CASE("a prompt is cut on the left after what it begins with, or on the side that is named") {
  auto const whole = make(request()).front().prompt;
  io::Request cut = request();
  cut.prompt_rules.truncate_prompt_tokens = 6;
  auto const tokens = [&] { return make(cut).front().prompt; };
  Tokens last{whole.end() - 5, whole.end()};
  last.insert(last.begin(), begin_token);

  CHECK(tokens() == last);
  cut.prompt_rules.truncation_side = io::TruncationSide::left;
  CHECK(tokens() == Tokens{whole.end() - 6, whole.end()});
  cut.prompt_rules.truncation_side = io::TruncationSide::right;
  CHECK(tokens() == Tokens{whole.begin(), whole.begin() + 6});

  cut = request({.max_tokens = 50});
  cut.prompt_rules.truncate_prompt_tokens = -1;  // 10 are left of 60
  CHECK(tokens().size() == 10);
  cut.prompt_rules.truncate_prompt_tokens = 1;
  CHECK(tokens() == Tokens{begin_token});
  cut.prompt_rules.truncate_prompt_tokens = 5000;
  CHECK(make(request()).front().prompt == whole);

  cut = request();
  cut.prompt = Tokens{1, 2, 3, 4};
  cut.prompt_rules.truncate_prompt_tokens = 2;
  CHECK(tokens() == Tokens{3, 4});
}

TEST_CASE("a text gets the model's own tokens unless the request says no") {
  io::Request bare = request();
  bare.prompt_rules.add_special_tokens = false;
  CHECK(make(bare).front().prompt == encoded(sentence));
}

TEST_CASE("bad words are banned as a text begins with them, and as they stand in its midst") {
  auto const words = [](std::vector<std::string> texts) {
    return make(request({.bad_words = std::move(texts)})).front().rules->bad_words;
  };
  auto const bare = encoded("a");
  auto const inner = encoded(" a");
  REQUIRE(bare.size() == inner.size());
  REQUIRE(bare != inner);

  CHECK(words({"a"}) == std::vector<Tokens>{bare, inner});
  CHECK(words({"  a"}) == std::vector<Tokens>{bare, inner});  // blanks before it don't matter
  // Where the space is a token of its own, it is no other form of the word.
  REQUIRE(encoded(" 12").size() != encoded("12").size());
  CHECK(words({"12"}) == std::vector<Tokens>{encoded("12")});
  CHECK_THROWS_WITH(words({" "}), ContainsSubstring("bad_words"));
}

TEST_CASE("what ends a text is known to min_tokens, each token once and in order") {
  auto const inputs = make(request({.min_tokens = 2, .stop_token_ids = {30, 1411, 5}}));
  REQUIRE(inputs.front().rules);
  CHECK(inputs.front().rules->min_tokens == 2);
  CHECK(inputs.front().rules->end_tokens == Tokens{5, 30, 1409, 1411});
}

TEST_CASE("rules come as the engine needs them") {
  io::SamplingParams params{.repetition_penalty = 1.5F,
                            .logit_bias = {{4, 1.0F}, {9, -2.0F}},
                            .allowed_token_ids = {9, 4, 9},
                            .thinking_token_budget = 12,
                            .repetition_detection = {.max_pattern_size = 8, .min_count = 3}};
  auto const rules = make(request(params)).front().rules;
  REQUIRE(rules);
  CHECK(rules->repetition_penalty == 1.5F);
  CHECK(rules->biases.size() == 2);
  CHECK(rules->allowed == Tokens{4, 9});
  CHECK(rules->thinking.budget == 12);
  CHECK(rules->thinking.open == encoded("<think>"));
  CHECK(rules->thinking.close == encoded("</think>"));
  CHECK(rules->repetition.min_size == 1);
  CHECK(rules->repetition.max_size == 8);
}

TEST_CASE("tokens that are not of the vocabulary are refused by the parameter") {
  CHECK_THROWS_WITH(make(request({.logit_bias = {{1412, 1.0F}}})),
                    ContainsSubstring("logit_bias: token id 1412 (the vocabulary has 1412)"));
  CHECK_THROWS_WITH(make(request({.allowed_token_ids = {1, 1412}})),
                    ContainsSubstring("allowed_token_ids: token id 1412"));
  CHECK_THROWS_WITH(make(request({.stop_token_ids = {1412}})),
                    ContainsSubstring("stop_token_ids: token id 1412"));
  io::Request ids = request();
  ids.prompt = Tokens{5, 1412};
  CHECK_THROWS_WITH(make(ids), ContainsSubstring("prompt: token id 1412"));
}
