// SPDX-License-Identifier: Apache-2.0
#include "io/requests/reasoning.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::io;
using enum ReasoningParser;

TEST_CASE("without a parser an answer stays whole") {
  CHECK(split_reasoning("<think>a</think>b", none) == SplitAnswer{{}, "<think>a</think>b"});
}

TEST_CASE("what is closed by </think> is reasoning, with or without its opening") {
  auto const parser = GENERATE(deepseek_r1, qwen3);
  CHECK(split_reasoning("<think>\na\n</think>\n\nb", parser) == SplitAnswer{"\na\n", "\n\nb"});
  CHECK(split_reasoning("a</think>b", parser) == SplitAnswer{"a", "b"});
  CHECK(split_reasoning("\n<think>a</think>", parser) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a <think> b</think>c</think>", parser) ==
        SplitAnswer{"a <think> b", "c</think>"});
  CHECK(split_reasoning("</think>b", parser) == SplitAnswer{"", "b"});
}

TEST_CASE("reasoning that was cut short is told from an answer without any, as the model does") {
  CHECK(split_reasoning("<think>a", deepseek_r1) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a", deepseek_r1) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a", qwen3) == SplitAnswer{{}, "a"});
}

TEST_CASE("parsers have names, and others are refused with those that there are") {
  CHECK(reasoning_parser("deepseek_r1") == deepseek_r1);
  CHECK(reasoning_parser("qwen3") == qwen3);
  CHECK_THROWS_WITH(reasoning_parser("gpt"), Catch::Matchers::ContainsSubstring("deepseek_r1"));
}
