// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/model_templates.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace talus::io {
namespace {

namespace fs = std::filesystem;

constexpr char const* default_name = "default";
constexpr char const* tool_name = "tool_use";

void add_template(ModelTemplate::Templates& templates,
                  std::string const& name,
                  std::string_view source,
                  fs::path const& file) {
  std::string const label =
      name == default_name ? file.string() : concat(file.string(), ", template \"", name, '"');
  templates.insert_or_assign(name, ChatTemplate::parse(source, label));
}

std::string const& text_of(Json const& json, std::string_view key, fs::path const& file) {
  if (!json.is_string()) {
    throw ConfigError{
        concat(file.string(), ": \"", key, "\" is ", json.type_name(), " (must be a string)")};
  }
  return json.get_ref<std::string const&>();
}

// A template, or a list of named ones.
ModelTemplate::Templates parse_templates(Json const& json, fs::path const& file) {
  ModelTemplate::Templates templates;
  if (json.is_array()) {
    for (Json const& entry : json) {
      if (!entry.is_object() || !entry.contains("name") || !entry.contains("template")) {
        throw ConfigError{concat(file.string(),
                                 ": \"chat_template\" has an entry that is not ",
                                 "{\"name\": ..., \"template\": ...}")};
      }
      add_template(templates,
                   text_of(entry["name"], "name", file),
                   text_of(entry["template"], "template", file),
                   file);
    }
  } else {
    add_template(templates, default_name, text_of(json, "chat_template", file), file);
  }
  return templates;
}

// The files chat_template.jinja and additional_chat_templates/<name>.jinja.
ModelTemplate::Templates load_jinja_files(fs::path const& model) {
  ModelTemplate::Templates templates;
  fs::path const main = model / "chat_template.jinja";
  if (fs::exists(main)) {
    add_template(templates, default_name, read_text_file(main), main);
  }
  fs::path const more = model / "additional_chat_templates";
  if (fs::is_directory(more)) {
    for (auto const& entry : fs::directory_iterator{more}) {
      if (entry.path().extension() == ".jinja") {
        add_template(
            templates, entry.path().stem().string(), read_text_file(entry.path()), entry.path());
      }
    }
  }
  return templates;
}

ModelTemplate::Templates load_json_file(fs::path const& file) {
  if (!fs::exists(file)) {
    return {};
  }
  Json const json = read_json_file(file);
  bool const has_template =
      json.is_object() && json.contains("chat_template") && !json["chat_template"].is_null();
  return has_template ? parse_templates(json["chat_template"], file) : ModelTemplate::Templates{};
}

ModelTemplate::Templates find_templates(fs::path const& model, fs::path const& file) {
  ModelTemplate::Templates templates;
  if (!file.empty()) {
    add_template(templates, default_name, read_text_file(file), file);
    return templates;
  }
  templates = load_jinja_files(model);
  for (char const* const name : {"tokenizer_config.json", "chat_template.json"}) {
    if (templates.empty()) {
      templates = load_json_file(model / name);
    }
  }
  return templates;
}

bool is_token(Json const& value) {
  return value.is_string() || (value.is_object() && value.contains("content"));
}

// A token is a string, or an object with its "content".
std::string const& token_text(Json const& value, std::string_view name, fs::path const& file) {
  return text_of(
      value.is_object() && value.contains("content") ? value["content"] : value, name, file);
}

// Adds the tokens that a file names: the usual ones, and those of a model, whose names end in
// "_token" too or which stand in an object of their own.
void add_tokens(ModelTemplate::Tokens& tokens, Json const& json, fs::path const& file) {
  constexpr std::array<std::string_view, 7> usual{
      "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
  for (auto const& [name, value] : json.items()) {
    if (value.is_null()) {
      continue;
    }
    bool const is_usual = std::find(usual.begin(), usual.end(), name) != usual.end();
    if (is_usual || (name.ends_with("_token") && is_token(value))) {
      tokens.insert_or_assign(name, token_text(value, name, file));
    }
    bool const is_group = name == "extra_special_tokens" || name == "model_specific_special_tokens";
    if (is_group && value.is_object()) {
      for (auto const& [own_name, own_value] : value.items()) {
        tokens.insert_or_assign(own_name, token_text(own_value, own_name, file));
      }
    }
  }
}

// The special tokens of a model. The older special_tokens_map.json counts, and counts more, where
// tokenizer_config.json does not list all added tokens itself.
ModelTemplate::Tokens load_tokens(fs::path const& model) {
  ModelTemplate::Tokens tokens;
  bool is_complete = false;
  fs::path const config = model / "tokenizer_config.json";
  if (fs::exists(config)) {
    if (Json const json = read_json_file(config); json.is_object()) {
      is_complete = json.contains("added_tokens_decoder");
      add_tokens(tokens, json, config);
    }
  }
  fs::path const map = model / "special_tokens_map.json";
  if (!is_complete && fs::exists(map)) {
    if (Json const json = read_json_file(map); json.is_object()) {
      add_tokens(tokens, json, map);
    }
  }
  return tokens;
}

// A request's key, or null.
Json take(Json const& request, char const* key) {
  return request.contains(key) ? request[key] : Json{};
}

Json require_objects(Json list, std::string_view key) {
  bool const is_right =
      list.is_array() &&
      std::all_of(list.begin(), list.end(), [](Json const& item) { return item.is_object(); });
  if (!is_right) {
    throw ConfigError{concat("request: \"", key, "\" is not a list of objects")};
  }
  return list;
}

Json without_nulls(Json const& message) {
  Json kept = Json::object();
  for (auto const& [key, value] : message.items()) {
    if (!value.is_null()) {
      kept[key] = value;
    }
  }
  return kept;
}

// Gives reasoning the names that templates read.
Json normalize_message(Json const& message) {
  Json const kept = without_nulls(message);
  for (char const* const name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!kept.contains(name)) {
      continue;
    }
    Json renamed = Json::object();
    renamed["thinking"] = kept[name];
    for (auto const& [key, value] : kept.items()) {
      renamed[key] = value;
    }
    renamed["reasoning_content"] = kept[name];
    return renamed;
  }
  return kept;
}

Json normalize_messages(Json const& messages) {
  Json normalized = Json::array();
  for (Json const& message : messages) {
    normalized.push_back(normalize_message(message));
  }
  return normalized;
}

void add_kwargs(Json& variables, Json const& kwargs) {
  if (kwargs.is_null()) {
    return;
  }
  if (!kwargs.is_object()) {
    throw ConfigError{concat(
        "request: \"chat_template_kwargs\" is ", kwargs.type_name(), " (must be an object)")};
  }
  for (auto const& [key, value] : kwargs.items()) {
    for (std::string_view const own : {"messages", "tools", "documents", "add_generation_prompt"}) {
      if (key == own) {
        throw ConfigError{concat("request: \"chat_template_kwargs\" has \"",
                                 key,
                                 "\" (give it as a key of the request)")};
      }
    }
    variables[key] = value;
  }
}

}  // namespace

ChatTemplate const* ModelTemplate::find(std::string_view name) const {
  auto const found = templates_.find(name);
  return found == templates_.end() ? nullptr : &found->second;
}

ChatTemplate const& ModelTemplate::select(bool has_tools) const {
  if (ChatTemplate const* const tools = has_tools ? find(tool_name) : nullptr) {
    return *tools;
  }
  if (ChatTemplate const* const plain = find(default_name)) {
    return *plain;
  }
  std::string names;
  for (auto const& entry : templates_) {
    names += (names.empty() ? "" : ", ") + entry.first;
  }
  throw ConfigError{
      concat("chat template: none is named \"default\" (the model has: ", names, ')')};
}

std::optional<ModelTemplate> load_model_template(fs::path const& model, fs::path const& file) {
  ModelTemplate::Templates templates = find_templates(model, file);
  if (templates.empty()) {
    return std::nullopt;
  }
  return ModelTemplate{std::move(templates), load_tokens(model)};
}

Json chat_variables(ModelTemplate const& model, Json const& request) {
  if (!request.is_object()) {
    throw ConfigError{concat("request: ", request.type_name(), " (must be an object)")};
  }
  Json variables = Json::object();
  for (auto const& [name, token] : model.special_tokens()) {
    variables[name] = token;
  }
  add_kwargs(variables, take(request, "chat_template_kwargs"));
  variables["messages"] =
      normalize_messages(require_objects(take(request, "messages"), "messages"));
  for (char const* const key : {"tools", "documents"}) {
    Json list = take(request, key);
    variables[key] = list.is_null() ? Json{} : require_objects(std::move(list), key);
  }
  Json const prompt = take(request, "add_generation_prompt");
  if (!prompt.is_null() && !prompt.is_boolean()) {
    throw ConfigError{concat(
        "request: \"add_generation_prompt\" is ", prompt.type_name(), " (must be true or false)")};
  }
  variables["add_generation_prompt"] = prompt.is_null() ? true : prompt.get<bool>();
  return variables;
}

std::string render_chat(ModelTemplate const& model,
                        Json const& request,
                        RenderOptions const& options) {
  Json const variables = chat_variables(model, request);
  if (variables["messages"].empty()) {
    throw ConfigError{"request: \"messages\" is empty (a chat needs at least one message)"};
  }
  return model.select(!variables["tools"].is_null()).render(variables, options);
}

}  // namespace talus::io
