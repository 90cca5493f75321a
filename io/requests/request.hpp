// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/requests/generation_defaults.hpp"
#include "io/requests/sampling_params.hpp"

namespace talus::io {

/// Which of OpenAI's services a request is for.
enum class Endpoint {
  completions,  ///< /v1/completions
  chat,         ///< /v1/chat/completions
};

/// A conversation that is yet to be rendered with the model's chat template.
struct ChatPrompt {
  /// A JSON object: "messages" (each content a string: text parts are joined by line breaks),
  /// "add_generation_prompt", and where given "tools", "documents", "chat_template_kwargs".
  /// A tool call's arguments are an object, also where the request spelled them as a string; a
  /// "reasoning_effort" is among the kwargs.
  std::string json{};
  bool continue_final_message = false;  ///< the answer goes on with the last message

  bool operator==(ChatPrompt const&) const = default;
};

/// What a request starts from: text, token ids that are taken as they are, or a conversation.
using Prompt = std::variant<std::string, std::vector<std::int32_t>, ChatPrompt>;

/// Where a prompt is cut that is too long.
enum class TruncationSide { left, right };

/// How a prompt becomes tokens.
struct PromptRules {
  bool add_special_tokens = true;  ///< whether a text gets the model's own; of a chat: false
  /// Tokens that are kept at most; -1: as many as the context and max_tokens leave room for; none:
  /// one that is too long is an error.
  std::optional<std::int32_t> truncate_prompt_tokens{};
  /// None: on the left, after the special tokens that a text begins with.
  std::optional<TruncationSide> truncation_side{};

  bool operator==(PromptRules const&) const = default;
};

/// One line of the input.
struct Request {
  std::string custom_id{};
  std::int64_t line = 0;  ///< in the input, from 1
  Endpoint endpoint = Endpoint::completions;
  Prompt prompt{};
  std::string model{};  ///< as given; empty if it was not
  PromptRules prompt_rules{};
  SamplingParams params{};
};

/// Why a request can't be answered; becomes its line in the output.
struct RequestError {
  std::optional<std::string> custom_id{};  ///< none if it could not be read
  std::int64_t line = 0;                   ///< in the input, from 1
  int status_code = 400;
  std::string code{};     ///< such as "invalid_json", "missing_field", "invalid_value"
  std::string message{};  ///< names the field, its value and what is allowed
  std::string param{};    ///< the field, such as "body.top_p"; empty if it is the line as a whole
};

/// A line longer than this is refused; RequestReader does not keep more of it.
inline constexpr std::size_t max_line_bytes = std::size_t{64} << 20U;

/// Reads a line of a batch in OpenAI's form.
///
/// Codes of errors: line_too_long, invalid_json (also invalid UTF-8, a key given twice, nesting
/// deeper than 200 levels), missing_field, invalid_type, invalid_value, unknown_parameter (not a
/// parameter of OpenAI's or vLLM's that Talus knows of), unsupported_parameter (one that it knows,
/// with a value other than the one that changes nothing). null counts as not given.
///
/// \param line      without its line break
/// \param number    the line's number in the input, from 1
/// \param defaults  what holds where the request says nothing; its max_tokens is left to who knows
///                  how much room the context has
/// Never throws because of what the line holds.
[[nodiscard]] std::variant<Request, RequestError> parse_request(std::string_view line,
                                                                std::int64_t number,
                                                                RequestDefaults const& defaults);

/// The error of a line whose custom_id an earlier line has already, code "duplicate_custom_id".
[[nodiscard]] RequestError duplicate_error(std::string_view line, std::int64_t number);

/// The error of a line that is not worked on because nobody works any more, code "stopping", status
/// 503.
[[nodiscard]] RequestError stopping_error(std::string_view line,
                                          std::int64_t number,
                                          std::string_view reason);

}  // namespace talus::io
