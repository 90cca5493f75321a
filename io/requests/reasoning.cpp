// SPDX-License-Identifier: Apache-2.0
#include "io/requests/reasoning.hpp"

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::string_view opening = "<think>";
constexpr std::string_view closing = "</think>";

// The text without the opening mark; what stands before the mark is dropped only if it is blank.
std::string_view without_opening(std::string_view text) {
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text.substr(first).starts_with(opening)) {
    text.remove_prefix(first + opening.size());
  }
  return text;
}

}  // namespace

ReasoningParser reasoning_parser(std::string_view name) {
  if (name == "deepseek_r1") {
    return ReasoningParser::deepseek_r1;
  }
  if (name == "qwen3") {
    return ReasoningParser::qwen3;
  }
  throw ConfigError{concat("--reasoning-parser: ", name, " (there are deepseek_r1 and qwen3)")};
}

SplitAnswer split_reasoning(std::string_view text, ReasoningParser parser) {
  if (parser == ReasoningParser::none) {
    return {std::nullopt, std::string{text}};
  }
  auto const end = text.find(closing);
  if (end != std::string_view::npos) {
    return {std::string{without_opening(text.substr(0, end))},
            std::string{text.substr(end + closing.size())}};
  }
  if (parser == ReasoningParser::deepseek_r1) {
    return {std::string{without_opening(text)}, {}};
  }
  return {std::nullopt, std::string{text}};
}

}  // namespace talus::io
