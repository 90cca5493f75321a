// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talus::io {

/// How a model marks its reasoning; the names are those of the command line.
///
/// Where nothing else is said, reasoning stands between <think> and </think>, and the opening may
/// be missing, since many templates write it at the end of the prompt.
enum class ReasoningParser {
  none,         ///< the answer stays as the model wrote it
  apertus,      ///< as qwen3, with <|inner_prefix|> and <|inner_suffix|>
  deepseek_r1,  ///< an answer without </think> is all reasoning
  deepseek_v3,  ///< as qwen3
  glm45,        ///< as qwen3
  granite,      ///< as qwen3, with "Here is (Here's) my thought process:", "... response:"
  kimi_k2,      ///< as deepseek_r1; a call of tools also ends the reasoning
  minimax_m2,   ///< as deepseek_r1
  minimax_m2_append_think,  ///< all is content, with <think> put before it
  mistral,                  ///< from [THINK] to [/THINK]; the opening must be there
  olmo3,                    ///< as qwen3
  openai_gptoss,            ///< the channel "analysis"; "final" and "commentary" are content
  qwen3,                    ///< an answer without </think> is content, unless it began to think
  seed_oss,                 ///< as deepseek_r1, with <seed:think> and </seed:think>
};

/// The parser of a name as on the command line; "gpt_oss" is openai_gptoss.
/// \throws ConfigError  if there is none, with those that there are
[[nodiscard]] ReasoningParser reasoning_parser(std::string_view name);

/// The text that opens and the text that closes the reasoning of a parser's models: what follows
/// `close` is the answer. Empty for ReasoningParser::none.
struct ThinkingMarks {
  std::string_view open{};
  std::string_view close{};
};

[[nodiscard]] ThinkingMarks thinking_marks(ReasoningParser parser);

/// Whether split_reasoning() needs an answer decoded with its special tokens, since the marks are
/// such tokens. Who decodes the answer then keeps them, whatever the request's
/// skip_special_tokens; split_reasoning() removes the marks. The token that ended the answer is
/// not part of its text.
[[nodiscard]] bool needs_special_tokens(ReasoningParser parser);

/// How a prompt leaves the reasoning of the answer that follows.
enum class PromptThinking {
  unsaid,  ///< the answer says itself whether it thinks
  open,    ///< the prompt ends with the opening mark: the answer begins with reasoning
  closed,  ///< the prompt ends with the closing mark: the answer has no reasoning
};

/// How a prompt ends, white space after the mark ignored.
///
/// \param prompt  with special tokens; its last 200 bytes are enough
[[nodiscard]] PromptThinking prompt_thinking(std::string_view prompt, ReasoningParser parser);

/// An answer in two parts.
struct SplitAnswer {
  std::optional<std::string> reasoning{};  ///< without its marks; none if there is none
  std::string content{};

  bool operator==(SplitAnswer const&) const = default;
};

/// Takes the reasoning out of an answer; white space stays as it is.
///
/// \param text    decoded as needs_special_tokens() says
/// \param prompt  decides where the answer alone does not: an answer without marks is reasoning
///                if the prompt opened it, and content if the prompt closed it
[[nodiscard]] SplitAnswer split_reasoning(std::string_view text,
                                          ReasoningParser parser,
                                          PromptThinking prompt = PromptThinking::unsaid);

}  // namespace talus::io
