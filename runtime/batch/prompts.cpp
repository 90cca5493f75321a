// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/prompts.hpp"

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {

TextModel::TextModel(std::filesystem::path const& dir, std::filesystem::path const& chat_template)
    : tokenizer_{io::Tokenizer::load(dir)},
      template_{io::load_model_template(dir, chat_template)} {}

std::vector<std::int32_t> TextModel::encode(io::Request const& request, std::int64_t vocab) const {
  if (auto const* const text = std::get_if<std::string>(&request.prompt)) {
    return tokenizer_.encode(*text, io::AddSpecialTokens::yes);
  }
  if (auto const* const ids = std::get_if<std::vector<std::int32_t>>(&request.prompt)) {
    for (std::int32_t const id : *ids) {
      if (id < 0 || id >= vocab) {
        throw ConfigError{concat("prompt: token id ", id, " (the vocabulary has ", vocab, ')')};
      }
    }
    return *ids;
  }
  if (!template_) {
    throw ConfigError{
        "messages: the model has no chat template (give one by --chat-template, or use "
        "/v1/completions)"};
  }
  auto const& chat = std::get<io::ChatPrompt>(request.prompt);
  std::string const text = io::render_chat(*template_, io::parse_json(chat.json, "messages"));
  return tokenizer_.encode(text, io::AddSpecialTokens::no);
}

}  // namespace talus::runtime
