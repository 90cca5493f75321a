// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "io/requests/generation_defaults.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;

namespace {

GenerationDefaults read(std::string const& config) {
  return parse_generation_defaults(config, "generation_config.json");
}

}  // namespace

TEST_CASE("a model without a generation config has neutral defaults") {
  auto const read = parse_generation_defaults(std::nullopt, "generation_config.json");

  CHECK(read.defaults == RequestDefaults{});
  CHECK(read.used.empty());
  CHECK(read.warnings.empty());
  CHECK_THAT(describe(read), ContainsSubstring("temperature 1"));
}

TEST_CASE("sampling entries are applied and named") {
  auto const defaults = read(R"({"do_sample":true,"temperature":0.6,"top_p":0.95,"top_k":20,
    "min_p":0.05,"repetition_penalty":1.05,"max_new_tokens":2048,"eos_token_id":[5,7],
    "pad_token_id":0,"transformers_version":"5"})");

  CHECK(defaults.defaults == RequestDefaults{.temperature = 0.6F,
                                             .top_p = 0.95F,
                                             .min_p = 0.05F,
                                             .top_k = 20,
                                             .repetition_penalty = 1.05F,
                                             .max_tokens = 2048});
  CHECK(defaults.eos_token_ids == std::vector<std::int32_t>{5, 7});
  CHECK(defaults.warnings.empty());
  CHECK(describe(defaults) ==
        "sampling defaults: temperature = 0.6, top_p = 0.95, min_p = 0.05, top_k = 20, "
        "repetition_penalty = 1.05, max_new_tokens = 2048 (generation_config.json)");
}

TEST_CASE("a model that does not sample is greedy by default") {
  auto const defaults = read(R"({"do_sample":false,"temperature":0.6,"eos_token_id":3})");

  CHECK(defaults.defaults.temperature == 0.0F);
  CHECK(defaults.eos_token_ids == std::vector<std::int32_t>{3});
  CHECK_THAT(describe(defaults), ContainsSubstring("do_sample = false"));
}

TEST_CASE("entries that would matter and are not applied are warned of, neutral ones are not") {
  auto const neutral = read(R"({"length_penalty":1.0,"num_beams":1,"max_length":20,
    "bad_words_ids":null,"typical_p":1.0,"temperature":null})");
  auto const strong = read(R"({"length_penalty":1.05,"max_length":2048})");

  CHECK(neutral.warnings.empty());
  CHECK(neutral.used.empty());
  REQUIRE(strong.warnings.size() == 2);
  CHECK(strong.warnings[0] == "generation_config.json: length_penalty = 1.05 (not applied)");
  CHECK_THAT(strong.warnings[1], ContainsSubstring("max_length = 2048"));
}

TEST_CASE("a generation config that can't hold is refused by file and entry") {
  CHECK_THROWS_WITH(read("{"), ContainsSubstring("generation_config.json"));
  CHECK_THROWS_WITH(read("[]"), ContainsSubstring("not a JSON object"));
  CHECK_THROWS_WITH(read(R"({"top_p":"x"})"), ContainsSubstring("top_p: \"x\" (must be a number"));
  CHECK_THROWS_WITH(read(R"({"temperature":-1})"), ContainsSubstring("temperature: -1"));
  CHECK_THROWS_WITH(read(R"({"repetition_penalty":0})"), ContainsSubstring("repetition_penalty"));
  CHECK_THROWS_WITH(read(R"({"max_new_tokens":0})"), ContainsSubstring("max_tokens: 0"));
  CHECK_THROWS_WITH(read(R"({"eos_token_id":["x"]})"), ContainsSubstring("eos_token_id[0]"));
}

TEST_CASE("reading a config whose sampling is off takes a null as not given") {
  CHECK(read(R"({"do_sample":null,"top_k":null,"eos_token_id":null})").defaults ==
        RequestDefaults{});
}
