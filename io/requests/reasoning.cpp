// SPDX-License-Identifier: Apache-2.0
#include "io/requests/reasoning.hpp"

#include <algorithm>
#include <array>

#include "io/requests/detail/harmony.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::string_view blanks = " \t\r\n";

// What an answer is that has no mark, if the prompt does not tell.
enum class Unmarked { reasoning, content };

// A parser, and how it reads answers. `stop` ends the reasoning too, and is content itself.
struct Rules {
  std::string_view name;
  ReasoningParser parser;
  ThinkingMarks marks;
  Unmarked unmarked = Unmarked::content;
  bool special = false;
  std::string_view stop{};
};

constexpr ThinkingMarks think{"<think>", "</think>"};

constexpr std::array all_rules{
    Rules{.name = "apertus",
          .parser = ReasoningParser::apertus,
          .marks = {"<|inner_prefix|>", "<|inner_suffix|>"},
          .special = true},
    Rules{.name = "deepseek_r1",
          .parser = ReasoningParser::deepseek_r1,
          .marks = think,
          .unmarked = Unmarked::reasoning},
    Rules{.name = "deepseek_v3", .parser = ReasoningParser::deepseek_v3, .marks = think},
    Rules{.name = "glm45", .parser = ReasoningParser::glm45, .marks = think},
    Rules{.name = "granite",
          .parser = ReasoningParser::granite,
          .marks = {"Here is my thought process:", "Here is my response:"}},
    Rules{.name = "kimi_k2",
          .parser = ReasoningParser::kimi_k2,
          .marks = think,
          .unmarked = Unmarked::reasoning,
          .stop = "<|tool_calls_section_begin|>"},
    Rules{.name = "minimax_m2",
          .parser = ReasoningParser::minimax_m2,
          .marks = think,
          .unmarked = Unmarked::reasoning},
    Rules{.name = "minimax_m2_append_think",
          .parser = ReasoningParser::minimax_m2_append_think,
          .marks = think},
    Rules{.name = "mistral",
          .parser = ReasoningParser::mistral,
          .marks = {"[THINK]", "[/THINK]"},
          .special = true},
    Rules{.name = "olmo3", .parser = ReasoningParser::olmo3, .marks = think},
    Rules{.name = "openai_gptoss",
          .parser = ReasoningParser::openai_gptoss,
          .marks = {"<|channel|>analysis<|message|>",
                    "<|end|><|start|>assistant<|channel|>final<|message|>"},
          .special = true},
    Rules{.name = "qwen3", .parser = ReasoningParser::qwen3, .marks = think},
    Rules{.name = "seed_oss",
          .parser = ReasoningParser::seed_oss,
          .marks = {"<seed:think>", "</seed:think>"},
          .unmarked = Unmarked::reasoning,
          .special = true},
};

// Null for ReasoningParser::none.
Rules const* rules_of(ReasoningParser parser) {
  auto const* const found =
      std::find_if(all_rules.begin(), all_rules.end(), [parser](Rules const& rules) {
        return rules.parser == parser;
      });
  return found == all_rules.end() ? nullptr : found;
}

std::string_view without_blanks_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// A mark in a text: where, and its size there.
struct Found {
  std::size_t at = std::string_view::npos;
  std::size_t size = 0;

  explicit operator bool() const noexcept { return at != std::string_view::npos; }
};

Found find_mark(std::string_view text, std::string_view mark) {
  constexpr std::string_view long_form = "Here is ";
  Found found{text.find(mark), mark.size()};
  if (mark.starts_with(long_form)) {
    std::string const short_form = concat("Here's ", mark.substr(long_form.size()));
    if (std::size_t const at = text.find(short_form); at < found.at) {
      found = {at, short_form.size()};
    }
  }
  return found;
}

// The text without an opening mark that stands at its beginning, after white space if any.
struct Opened {
  std::string_view text;
  bool was_there = false;
};

Opened without_opening(std::string_view text, std::string_view mark) {
  auto const first = text.find_first_not_of(blanks);
  if (first != std::string_view::npos) {
    Found const found = find_mark(text.substr(first), mark);
    if (found && found.at == 0) {
      return {text.substr(first + found.size), true};
    }
  }
  return {text, false};
}

// The forms whose opening mark the prompt may have written.
SplitAnswer split_marks(std::string_view text, Rules const& rules, PromptThinking prompt) {
  Opened const opened = without_opening(text, rules.marks.open);
  if (Found const close = find_mark(opened.text, rules.marks.close)) {
    return {std::string{opened.text.substr(0, close.at)},
            std::string{opened.text.substr(close.at + close.size)}};
  }
  bool const is_reasoning =
      opened.was_there || prompt == PromptThinking::open ||
      (prompt == PromptThinking::unsaid && rules.unmarked == Unmarked::reasoning);
  if (!is_reasoning) {
    return {std::nullopt, std::string{text}};
  }
  std::size_t const stop = rules.stop.empty() ? opened.text.size() : opened.text.find(rules.stop);
  std::size_t const end = std::min(stop, opened.text.size());
  return {std::string{opened.text.substr(0, end)}, std::string{opened.text.substr(end)}};
}

// The form whose marks stand both in the answer, with content before them too.
SplitAnswer split_bracketed(std::string_view text, Rules const& rules, PromptThinking prompt) {
  Found const open = find_mark(text, rules.marks.open);
  if (!open && prompt == PromptThinking::open) {
    return split_marks(text, rules, prompt);
  }
  std::string_view const before = text.substr(0, open.at);
  std::string_view const inside = open ? text.substr(open.at + open.size) : std::string_view{};
  std::string_view const closed_in = open ? inside : before;
  Found const close = find_mark(closed_in, rules.marks.close);
  std::string_view const after =
      close ? closed_in.substr(close.at + close.size) : std::string_view{};
  if (!open) {
    return {std::nullopt, concat(before.substr(0, close.at), after)};
  }
  return {std::string{inside.substr(0, close.at)}, concat(before, after)};
}

}  // namespace

ReasoningParser reasoning_parser(std::string_view name) {
  if (name == "gpt_oss") {
    return ReasoningParser::openai_gptoss;
  }
  std::string names;
  for (Rules const& rules : all_rules) {
    if (name == rules.name) {
      return rules.parser;
    }
    names += concat(names.empty() ? "" : ", ", rules.name);
  }
  throw ConfigError{concat("--reasoning-parser: ", name, " (there are ", names, ')')};
}

ThinkingMarks thinking_marks(ReasoningParser parser) {
  Rules const* const rules = rules_of(parser);
  return rules == nullptr ? ThinkingMarks{} : rules->marks;
}

bool needs_special_tokens(ReasoningParser parser) {
  Rules const* const rules = rules_of(parser);
  return rules != nullptr && rules->special;
}

PromptThinking prompt_thinking(std::string_view prompt, ReasoningParser parser) {
  ThinkingMarks const marks = thinking_marks(parser);
  std::string_view const end = without_blanks_after(prompt);
  if (marks.open.empty()) {
    return PromptThinking::unsaid;
  }
  if (end.ends_with(marks.open)) {
    return PromptThinking::open;
  }
  return end.ends_with(marks.close) ? PromptThinking::closed : PromptThinking::unsaid;
}

SplitAnswer split_reasoning(std::string_view text, ReasoningParser parser, PromptThinking prompt) {
  switch (parser) {
    case ReasoningParser::none:
      return {std::nullopt, std::string{text}};
    case ReasoningParser::minimax_m2_append_think:
      return {std::nullopt, concat(think.open, text)};
    case ReasoningParser::mistral:
      return split_bracketed(text, *rules_of(parser), prompt);
    case ReasoningParser::openai_gptoss:
      return detail::split_harmony(text, prompt);
    default:
      return split_marks(text, *rules_of(parser), prompt);
  }
}

}  // namespace talus::io
