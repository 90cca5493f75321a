// SPDX-License-Identifier: Apache-2.0
#include "io/requests/reasoning.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using talus::concat;
using namespace talus::io;
using enum ReasoningParser;

namespace {

constexpr auto unsaid = PromptThinking::unsaid;
constexpr auto open = PromptThinking::open;
constexpr auto closed = PromptThinking::closed;

}  // namespace

TEST_CASE("without a parser an answer stays whole") {
  CHECK(split_reasoning("<think>a</think>b", none) == SplitAnswer{{}, "<think>a</think>b"});
  CHECK(thinking_marks(none).open.empty());
  CHECK(prompt_thinking("<think>", none) == unsaid);
  CHECK_FALSE(needs_special_tokens(none));
}

TEST_CASE("what is closed by </think> is reasoning, with or without its opening") {
  auto const parser = GENERATE(deepseek_r1, deepseek_v3, glm45, kimi_k2, minimax_m2, olmo3, qwen3);
  auto const prompt = GENERATE(unsaid, open, closed);
  CHECK(split_reasoning("<think>\na\n</think>\n\nb", parser, prompt) ==
        SplitAnswer{"\na\n", "\n\nb"});
  CHECK(split_reasoning("a</think>b", parser, prompt) == SplitAnswer{"a", "b"});
  CHECK(split_reasoning("\n<think>a</think>", parser, prompt) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a <think> b</think>c</think>", parser, prompt) ==
        SplitAnswer{"a <think> b", "c</think>"});
  CHECK(split_reasoning("</think>b", parser, prompt) == SplitAnswer{"", "b"});
}

TEST_CASE("each parser knows its own marks") {
  auto const parser = GENERATE(apertus, deepseek_r1, granite, mistral, seed_oss);
  ThinkingMarks const marks = thinking_marks(parser);
  std::string const answer = concat(marks.open, "a", marks.close, "b");
  CHECK(split_reasoning(answer, parser) == SplitAnswer{"a", "b"});
  CHECK(split_reasoning("<other>a</other>b", parser, closed) ==
        SplitAnswer{{}, "<other>a</other>b"});
}

TEST_CASE("an answer that only opened its reasoning was cut short in it") {
  auto const parser = GENERATE(
      apertus, deepseek_r1, deepseek_v3, glm45, granite, kimi_k2, mistral, olmo3, qwen3, seed_oss);
  std::string const answer = concat(thinking_marks(parser).open, "a");
  CHECK(split_reasoning(answer, parser) == SplitAnswer{"a", ""});
}

TEST_CASE("an answer without marks is reasoning for models that always think") {
  auto const parser = GENERATE(deepseek_r1, kimi_k2, minimax_m2, seed_oss);
  CHECK(split_reasoning("a", parser) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a", parser, open) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a", parser, closed) == SplitAnswer{{}, "a"});
}

TEST_CASE("an answer without marks is content for models that may think") {
  auto const parser =
      GENERATE(apertus, deepseek_v3, glm45, granite, mistral, olmo3, openai_gptoss, qwen3);
  CHECK(split_reasoning("a", parser) == SplitAnswer{{}, "a"});
  CHECK(split_reasoning("a", parser, open) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("a", parser, closed) == SplitAnswer{{}, "a"});
}

TEST_CASE("a prompt tells by its end whether it left the reasoning open") {
  CHECK(prompt_thinking("user: <think>\nassistant: ", qwen3) == unsaid);
  CHECK(prompt_thinking("assistant: <think>\n", qwen3) == open);
  CHECK(prompt_thinking("assistant: <think>\n\n</think>\n\n", qwen3) == closed);
  CHECK(prompt_thinking("<|start|>assistant<|channel|>analysis<|message|>", openai_gptoss) == open);
  CHECK(prompt_thinking("", qwen3) == unsaid);
}

TEST_CASE("granite's words may be contracted") {
  CHECK(split_reasoning("Here's my thought process: a\nHere's my response: b", granite) ==
        SplitAnswer{" a\n", " b"});
  CHECK(split_reasoning("Here is my thought process:aHere's my response:b", granite) ==
        SplitAnswer{"a", "b"});
}

TEST_CASE("kimi_k2's reasoning also ends where its calls of tools begin") {
  CHECK(split_reasoning("<think>a<|tool_calls_section_begin|>b", kimi_k2) ==
        SplitAnswer{"a", "<|tool_calls_section_begin|>b"});
}

TEST_CASE("mistral's reasoning has both marks, and content may precede it") {
  CHECK(split_reasoning("x[THINK]a[/THINK]b", mistral) == SplitAnswer{"a", "xb"});
  CHECK(split_reasoning("x[THINK]a", mistral) == SplitAnswer{"a", "x"});
  CHECK(split_reasoning("a[/THINK]b", mistral) == SplitAnswer{{}, "ab"});
  CHECK(split_reasoning("a[/THINK]b", mistral, open) == SplitAnswer{"a", "b"});
}

TEST_CASE("minimax_m2_append_think gives all as content, with the opening that the prompt had") {
  CHECK(split_reasoning("a</think>b", minimax_m2_append_think) ==
        SplitAnswer{{}, "<think>a</think>b"});
}

TEST_CASE("gpt-oss: the channel analysis is reasoning, the channel final content") {
  CHECK(split_reasoning("<|channel|>analysis<|message|>a<|end|>"
                        "<|start|>assistant<|channel|>final<|message|>b<|return|>",
                        openai_gptoss) == SplitAnswer{"a", "b"});
  CHECK(split_reasoning("<|channel|>final<|message|>b", openai_gptoss) == SplitAnswer{{}, "b"});
  CHECK(split_reasoning("<|channel|>analysis<|message|>a", openai_gptoss) == SplitAnswer{"a", ""});
  CHECK(split_reasoning("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>fi",
                        openai_gptoss) == SplitAnswer{"a", ""});
}

TEST_CASE("gpt-oss: messages of one channel are joined, commentary is content") {
  CHECK(split_reasoning("<|channel|>analysis<|message|>a<|end|>"
                        "<|start|>assistant<|channel|>commentary<|message|>p<|end|>"
                        "<|start|>assistant<|channel|>analysis<|message|>b<|end|>"
                        "<|start|>assistant<|channel|>final<|message|>c",
                        openai_gptoss) == SplitAnswer{"a\nb", "p\nc"});
}

TEST_CASE("gpt-oss: a call of a tool is content as the model wrote it") {
  std::string const call =
      "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}"
      "<|call|>";
  CHECK(split_reasoning(concat("<|channel|>analysis<|message|>a<|end|>", call), openai_gptoss) ==
        SplitAnswer{"a", call});
}

TEST_CASE("gpt-oss: what the prompt began goes on in the answer") {
  std::string const answer = "a<|end|><|start|>assistant<|channel|>final<|message|>b";
  CHECK(split_reasoning(answer, openai_gptoss, open) == SplitAnswer{"a", "b"});
  CHECK(split_reasoning(answer, openai_gptoss, closed) == SplitAnswer{{}, "a\nb"});
  ThinkingMarks const marks = thinking_marks(openai_gptoss);
  CHECK(split_reasoning(concat(marks.open, "a", marks.close, "b"), openai_gptoss) ==
        SplitAnswer{"a", "b"});
}

TEST_CASE("marks that are special tokens are known to be") {
  CHECK(needs_special_tokens(openai_gptoss));
  CHECK(needs_special_tokens(mistral));
  CHECK_FALSE(needs_special_tokens(qwen3));
}

TEST_CASE("parsers have names, and others are refused with those that there are") {
  CHECK(reasoning_parser("deepseek_r1") == deepseek_r1);
  CHECK(reasoning_parser("qwen3") == qwen3);
  CHECK(reasoning_parser("openai_gptoss") == openai_gptoss);
  CHECK(reasoning_parser("gpt_oss") == openai_gptoss);
  CHECK_THROWS_WITH(reasoning_parser("gpt"),
                    Catch::Matchers::ContainsSubstring("apertus, deepseek_r1") &&
                        Catch::Matchers::ContainsSubstring("seed_oss"));
}
