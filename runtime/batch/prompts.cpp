// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/prompts.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// Put behind the text that is to be continued; the space tells whether a template trims it.
constexpr std::string_view here = "\u2402talus continues here\u2403 ";

io::Json& final_content(io::Json& request) {
  auto const messages = request.find("messages");
  if (messages != request.end() && !messages->empty()) {
    auto const content = messages->back().find("content");
    if (content != messages->back().end() && content->is_string()) {
      return *content;
    }
  }
  throw ConfigError{"continue_final_message: true (the last message has no text to go on with)"};
}

/// The rendered text up to the end of the message that is marked.
std::string up_to_mark(std::string text) {
  std::size_t const at = text.rfind(here.substr(0, here.size() - 1));
  if (at == std::string::npos) {
    throw ConfigError{
        "continue_final_message: true (the chat template leaves out the last message)"};
  }
  bool const is_trimmed = !std::string_view{text}.substr(at).starts_with(here);
  text.resize(at);
  if (is_trimmed) {
    text.resize(text.find_last_not_of(" \t\r\n") + 1);
  }
  return text;
}

/// The ids, if the model has an embedding for each: a tokenizer may know more tokens than that.
std::vector<std::int32_t> checked(std::vector<std::int32_t> ids, std::int64_t vocab) {
  for (std::int32_t const id : ids) {
    if (id < 0 || id >= vocab) {
      throw ConfigError{concat("prompt: token id ", id, " (the vocabulary has ", vocab, ')')};
    }
  }
  return ids;
}

std::vector<std::int32_t> tokens_of(io::Tokenizer const& tokenizer, std::string_view mark) {
  auto tokens = tokenizer.encode(mark, io::AddSpecialTokens::no);
  if (tokens.empty()) {
    throw ConfigError{concat("thinking_token_budget: the mark ", mark, " (it has no tokens)")};
  }
  return tokens;
}

}  // namespace

TextModel::TextModel(std::filesystem::path const& dir, std::filesystem::path const& chat_template)
    : tokenizer_{io::Tokenizer::load(dir)},
      template_{io::load_model_template(dir, chat_template)} {}

std::vector<std::int32_t> TextModel::encode(io::Request const& request, std::int64_t vocab) const {
  bool const adds_special = request.prompt_rules.add_special_tokens;
  return encode(
      request, vocab, adds_special ? io::AddSpecialTokens::yes : io::AddSpecialTokens::no);
}

std::vector<std::int32_t> TextModel::encode_bare(io::Request const& request,
                                                 std::int64_t vocab) const {
  return encode(request, vocab, io::AddSpecialTokens::no);
}

std::vector<std::int32_t> TextModel::encode(io::Request const& request,
                                            std::int64_t vocab,
                                            io::AddSpecialTokens add) const {
  if (auto const* const text = std::get_if<std::string>(&request.prompt)) {
    return checked(tokenizer_.encode(*text, add), vocab);
  }
  if (auto const* const ids = std::get_if<std::vector<std::int32_t>>(&request.prompt)) {
    return checked(*ids, vocab);
  }
  if (!template_) {
    throw ConfigError{
        "messages: the model has no chat template (give one by --chat-template, or use "
        "/v1/completions)"};
  }
  return checked(tokenizer_.encode(render(std::get<io::ChatPrompt>(request.prompt)), add), vocab);
}

std::string TextModel::render(io::ChatPrompt const& chat) const {
  io::Json request = io::parse_json(chat.json, "messages");
  if (!chat.continue_final_message) {
    return io::render_chat(*template_, request);
  }
  io::Json& content = final_content(request);
  content = content.get<std::string>() + std::string{here};
  return up_to_mark(io::render_chat(*template_, request));
}

ThinkingTokens thinking_tokens(io::Tokenizer const& tokenizer, io::ReasoningParser parser) {
  io::ThinkingMarks const marks = parser == io::ReasoningParser::none
                                      ? io::ThinkingMarks{"<think>", "</think>"}
                                      : io::thinking_marks(parser);
  return {tokens_of(tokenizer, marks.open), tokens_of(tokenizer, marks.close)};
}

}  // namespace talus::runtime
