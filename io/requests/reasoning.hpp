// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talus::io {

/// How a model marks its reasoning.
enum class ReasoningParser {
  none,         ///< the answer stays as the model wrote it
  deepseek_r1,  ///< all up to </think>, whether or not it begins with <think>; all of it if
                ///< unclosed
  qwen3,        ///< what is closed by </think>; all of an answer without that is content
};

/// The parser of a name as on the command line.
/// \throws ConfigError  if there is none, with those that there are
[[nodiscard]] ReasoningParser reasoning_parser(std::string_view name);

/// An answer in two parts.
struct SplitAnswer {
  std::optional<std::string> reasoning{};  ///< without its marks; none if there is none
  std::string content{};

  bool operator==(SplitAnswer const&) const = default;
};

/// Takes the reasoning out of an answer; white space stays as it is.
[[nodiscard]] SplitAnswer split_reasoning(std::string_view text, ReasoningParser parser);

}  // namespace talus::io
