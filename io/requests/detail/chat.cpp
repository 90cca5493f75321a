// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/chat.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

std::string part_text(Field const& part) {
  need_object(part);
  auto const type = part.value.find("type");
  if (type == part.value.end()) {
    refuse_missing(part.path + ".type", "needed to know a part of a message");
  }
  if (as_text({*type, part.path + ".type"}) != "text") {
    refuse("unsupported_parameter",
           {*type, part.path + ".type"},
           "a part of a message must be text; Talus reads no images or sounds");
  }
  auto const text = part.value.find("text");
  if (text == part.value.end()) {
    refuse_missing(part.path + ".text", "needed of a part of type text");
  }
  return as_text({*text, part.path + ".text"});
}

std::string content_text(Field const& content) {
  if (content.value.is_string()) {
    return content.value.get<std::string>();
  }
  if (!content.value.is_array()) {
    refuse("invalid_type", content, "must be a string or a list of text parts");
  }
  std::string text;
  for (std::size_t part = 0; part < content.value.size(); ++part) {
    text += part == 0 ? "" : "\n";
    text += part_text({content.value[part], concat(content.path, '[', part, ']')});
  }
  return text;
}

// Templates print the arguments as an object; OpenAI's clients send them as the text of one.
void read_arguments(Json& call, std::string const& path) {
  need_object({call, path});
  auto const function = call.find("function");
  if (function == call.end()) {
    refuse_missing(path + ".function", "needed of a tool call");
  }
  need_object({*function, path + ".function"});
  auto const arguments = function->find("arguments");
  if (arguments == function->end() || !arguments->is_string()) {
    return;
  }
  Field const field{*arguments, path + ".function.arguments"};
  auto const& text = as_text(field);
  Json parsed = Json::object();
  try {
    parsed = text.empty() ? Json::object() : parse_json(text, field.path);
  } catch (ConfigError const&) {
    refuse("invalid_value", field, "must be an object, or the JSON text of one");
  }
  if (!parsed.is_object()) {
    refuse("invalid_value", field, "must be an object, or the JSON text of one");
  }
  *arguments = std::move(parsed);
}

void read_tool_calls(Json& calls, std::string const& path) {
  need_array({calls, path});
  for (std::size_t call = 0; call < calls.size(); ++call) {
    read_arguments(calls[call], concat(path, '[', call, ']'));
  }
}

Json read_message(Field const& message) {
  need_object(message);
  Json read = message.value;
  auto const role = read.find("role");
  if (role == read.end()) {
    refuse_missing(message.path + ".role", "needed of a message");
  }
  auto const& name = as_text({*role, message.path + ".role"});
  auto const calls = read.find("tool_calls");
  bool const has_calls = calls != read.end() && !calls->is_null();
  if (has_calls) {
    read_tool_calls(*calls, message.path + ".tool_calls");
  }
  auto const content = read.find("content");
  if (content != read.end() && !content->is_null()) {
    *content = content_text({*content, message.path + ".content"});
  } else if (!(name == "assistant" && has_calls)) {
    refuse_missing(message.path + ".content", "needed of a message without tool calls");
  }
  return read;
}

}  // namespace

Json read_messages(Field const& messages) {
  need_array(messages);
  if (messages.value.empty()) {
    refuse("invalid_value", messages, "must have at least one message");
  }
  Json read = Json::array();
  for (std::size_t message = 0; message < messages.value.size(); ++message) {
    read.push_back(
        read_message({messages.value[message], concat(messages.path, '[', message, ']')}));
  }
  return read;
}

void check_tools(Field const& tools) {
  need_array(tools);
  for (std::size_t tool = 0; tool < tools.value.size(); ++tool) {
    need_object({tools.value[tool], concat(tools.path, '[', tool, ']')});
  }
}

void check_tool_choice(Field const& choice) {
  if (choice.value != "none" && choice.value != "auto") {
    refuse("unsupported_parameter", choice, "must be \"auto\" or \"none\"");
  }
}

}  // namespace talus::io::detail
