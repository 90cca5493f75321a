// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/chat_template/model_templates.hpp"
#include "io/requests/reasoning.hpp"
#include "io/requests/request.hpp"
#include "io/tokenizer/tokenizer.hpp"

namespace talus::runtime {

/// A model's text side: its tokenizer and its chat template, on the ranks that read requests.
class TextModel {
 public:
  /// \param chat_template  a file to use instead of the model's own; empty: none
  /// \throws ConfigError  if a file is missing or damaged; a model may lack a chat template
  TextModel(std::filesystem::path const& dir, std::filesystem::path const& chat_template);

  /// The token ids that a request's prompt becomes.
  ///
  /// A text gets the model's special tokens, unless the request says no; a chat is rendered by its
  /// template, which writes its own; ids are taken as they are. Nothing is cut off.
  ///
  /// \throws Error  if a chat has no template, the template fails, what is to be continued is not
  ///                in the rendered text, or an id is not of the vocabulary
  [[nodiscard]] std::vector<std::int32_t> encode(io::Request const& request,
                                                 std::int64_t vocab) const;

  /// As encode(), without the special tokens that it puts around a text.
  [[nodiscard]] std::vector<std::int32_t> encode_bare(io::Request const& request,
                                                      std::int64_t vocab) const;

  [[nodiscard]] io::Tokenizer const& tokenizer() const noexcept { return tokenizer_; }

 private:
  [[nodiscard]] std::vector<std::int32_t> encode(io::Request const& request,
                                                 std::int64_t vocab,
                                                 io::AddSpecialTokens add) const;
  [[nodiscard]] std::string render(io::ChatPrompt const& chat) const;

  io::Tokenizer tokenizer_;
  std::optional<io::ModelTemplate> template_;
};

/// The marks of a model's thinking as tokens.
struct ThinkingTokens {
  std::vector<std::int32_t> open;
  std::vector<std::int32_t> close;
};

/// The marks of a parser, of none <think> and </think>.
/// \throws ConfigError  if one has no tokens
[[nodiscard]] ThinkingTokens thinking_tokens(io::Tokenizer const& tokenizer,
                                             io::ReasoningParser parser);

}  // namespace talus::runtime
