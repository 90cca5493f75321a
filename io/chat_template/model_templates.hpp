// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "io/chat_template/chat_template.hpp"
#include "io/json/json.hpp"

/// \file
/// The chat templates that come with a model, and chat requests as prompts.

namespace talus::io {

/// A model's chat templates and its special tokens.
class ModelTemplate {
 public:
  using Templates = std::map<std::string, ChatTemplate, std::less<>>;
  using Tokens = std::map<std::string, std::string, std::less<>>;

  /// \param templates       by name; a single one is "default"
  /// \param special_tokens  the text of "bos_token", "eos_token" and so on, those that there are
  ModelTemplate(Templates templates, Tokens special_tokens)
      : templates_{std::move(templates)}, special_tokens_{std::move(special_tokens)} {}

  /// The template for a request: "tool_use" if there is one and the request has tools, else
  /// "default".
  ///
  /// \throws ConfigError  if there is none, with the names that there are
  [[nodiscard]] ChatTemplate const& select(bool has_tools) const;

  /// \return  null if there is no template of that name
  [[nodiscard]] ChatTemplate const* find(std::string_view name) const;

  [[nodiscard]] Tokens const& special_tokens() const noexcept { return special_tokens_; }

 private:
  Templates templates_;
  Tokens special_tokens_;
};

/// Finds a model's chat template.
///
/// In this order: `file`; chat_template.jinja, with those in additional_chat_templates; the key
/// "chat_template" of tokenizer_config.json (text, or a list of {name, template}); that of
/// chat_template.json. The special tokens are those of tokenizer_config.json, with a model's own
/// ones ("image_token"), and over them those of special_tokens_map.json unless the config lists all
/// added tokens: as `transformers` 5 has them. A tokenizer class's built-in tokens are not known.
///
/// \param model  the model's directory
/// \param file   a template that the user gives; empty: none
/// \return       nothing if there is no template
/// \throws ConfigError    if a file can't be read or is not of that form
/// \throws TemplateError  if a template can't be parsed
[[nodiscard]] std::optional<ModelTemplate> load_model_template(
    std::filesystem::path const& model, std::filesystem::path const& file = {});

/// The variables that a template sees of a chat request.
///
/// `messages`, `tools` and `documents` (none if not given), `add_generation_prompt` (true if not
/// given), all in `chat_template_kwargs`, and the model's special tokens, over which the kwargs go.
/// A message's keys without a value (null) are left out, and its reasoning is under
/// `reasoning_content` and `thinking`, whichever of these and `reasoning` it has: so `transformers`
/// does it.
///
/// \param request  an object, the body of a chat request; its other keys are not looked at
/// \throws ConfigError  if one of these keys is not of its type
[[nodiscard]] Json chat_variables(ModelTemplate const& model, Json const& request);

/// Renders a chat request to the model's prompt.
///
/// \throws ConfigError    as chat_variables() and ModelTemplate::select(), and without messages
/// \throws TemplateError  if the template refuses the request
[[nodiscard]] std::string render_chat(ModelTemplate const& model,
                                      Json const& request,
                                      RenderOptions const& options = {});

}  // namespace talus::io
