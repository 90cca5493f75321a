// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/body.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/requests/detail/chat.hpp"
#include "io/requests/detail/field.hpp"
#include "io/requests/detail/neutral.hpp"
#include "io/requests/detail/sampling_fields.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

// A request as far as its body was read, and what can be judged only at the end.
struct Draft {
  Request& request;
  Json chat = Json::object();
  bool has_prompt = false;
  bool wants_logprobs = false;
  bool continues = false;
  std::optional<std::string> reasoning_effort{};
  std::optional<std::int32_t> top_logprobs{};
  std::optional<std::int32_t> max_tokens{};
  std::optional<std::int32_t> max_completion_tokens{};
};

using Read = void (*)(Field const&, Draft&);

enum class Where { everywhere, completions, chat };

struct Param {
  std::string_view name;
  Where where;
  Read read;
};

void set_prompt(Field const& field, Draft& draft, Prompt prompt) {
  if (draft.has_prompt) {
    refuse("invalid_value", field, "give prompt or prompt_token_ids, not both");
  }
  draft.request.prompt = std::move(prompt);
  draft.has_prompt = true;
}

void read_prompt_ids(Field const& field, Draft& draft) {
  auto tokens = as_token_ids(field);
  if (tokens.empty()) {
    refuse("invalid_value", field, "must have at least one token");
  }
  set_prompt(field, draft, std::move(tokens));
}

void read_prompt(Field const& field, Draft& draft) {
  if (field.value.is_string()) {
    set_prompt(field, draft, as_text(field));
    return;
  }
  if (!field.value.is_array()) {
    refuse("invalid_type", field, "must be a string or a list of token ids");
  }
  if (!field.value.empty() && (field.value[0].is_string() || field.value[0].is_array())) {
    refuse("unsupported_parameter", field, "one prompt a request; give each a line of its own");
  }
  read_prompt_ids(field, draft);
}

// Leaves a value to the template.
template <Json::value_t Type>
void read_for_template(Field const& field, Draft& draft) {
  if constexpr (Type == Json::value_t::object) {
    need_object(field);
  } else if constexpr (Type == Json::value_t::array) {
    need_array(field);
  } else {
    static_cast<void>(as_bool(field));
  }
  draft.chat[field.path.substr(field.path.rfind('.') + 1)] = field.value;
}

void read_truncation(Field const& field, Draft& draft) {
  auto const most = as_int(field);
  if (most < -1 || most == 0) {
    refuse("invalid_value", field, "must be positive, or -1 for what the context has room for");
  }
  draft.request.prompt_rules.truncate_prompt_tokens = most;
}

void read_truncation_side(Field const& field, Draft& draft) {
  auto const& side = as_text(field);
  if (side != "left" && side != "right") {
    refuse("invalid_value", field, "must be \"left\" or \"right\"");
  }
  draft.request.prompt_rules.truncation_side =
      side == "right" ? TruncationSide::right : TruncationSide::left;
}

void read_effort(Field const& field, Draft& draft) {
  constexpr std::array<std::string_view, 7> known{
      "none", "minimal", "low", "medium", "high", "xhigh", "max"};
  auto const& effort = as_text(field);
  if (std::find(known.begin(), known.end(), effort) == known.end()) {
    refuse("invalid_value", field, "must be none, minimal, low, medium, high, xhigh or max");
  }
  draft.reasoning_effort = effort;
}

void pass_over(Field const&, Draft&) {}

constexpr std::array params{
    Param{"model", Where::everywhere, [](auto const& f, auto& d) { d.request.model = as_text(f); }},
    Param{
        "max_tokens", Where::everywhere, [](auto const& f, auto& d) { d.max_tokens = as_int(f); }},
    Param{"max_completion_tokens",
          Where::everywhere,
          [](auto const& f, auto& d) { d.max_completion_tokens = as_int(f); }},
    Param{"add_special_tokens",
          Where::everywhere,
          [](auto const& f, auto& d) { d.request.prompt_rules.add_special_tokens = as_bool(f); }},
    Param{"truncate_prompt_tokens", Where::everywhere, read_truncation},
    Param{"truncation_side", Where::everywhere, read_truncation_side},
    Param{"user", Where::everywhere, pass_over},
    Param{"metadata", Where::everywhere, pass_over},
    Param{"safety_identifier", Where::everywhere, pass_over},
    Param{"prompt_cache_key", Where::everywhere, pass_over},
    Param{"prompt", Where::completions, read_prompt},
    Param{"prompt_token_ids", Where::completions, read_prompt_ids},
    Param{"logprobs",
          Where::completions,
          [](auto const& f, auto& d) { d.request.params.logprobs = as_int(f); }},
    Param{"logprobs", Where::chat, [](auto const& f, auto& d) { d.wants_logprobs = as_bool(f); }},
    Param{"top_logprobs", Where::chat, [](auto const& f, auto& d) { d.top_logprobs = as_int(f); }},
    Param{"messages",
          Where::chat,
          [](auto const& f, auto& d) { d.chat["messages"] = read_messages(f); }},
    Param{"tools",
          Where::chat,
          [](auto const& f, auto& d) {
            check_tools(f);
            d.chat["tools"] = f.value;
          }},
    Param{"tool_choice", Where::chat, [](auto const& f, auto&) { check_tool_choice(f); }},
    Param{"documents", Where::chat, read_for_template<Json::value_t::array>},
    Param{"add_generation_prompt", Where::chat, read_for_template<Json::value_t::boolean>},
    Param{"chat_template_kwargs", Where::chat, read_for_template<Json::value_t::object>},
    Param{"continue_final_message",
          Where::chat,
          [](auto const& f, auto& d) { d.continues = as_bool(f); }},
    Param{"reasoning_effort", Where::chat, read_effort},
};

bool is_of(Param const& param, Endpoint endpoint) {
  return param.where == Where::everywhere ||
         param.where == (endpoint == Endpoint::chat ? Where::chat : Where::completions);
}

[[noreturn]] void refuse_unknown(Field const& field, std::string_view name) {
  auto const elsewhere = std::find_if(
      params.begin(), params.end(), [&](auto const& param) { return param.name == name; });
  if (elsewhere == params.end()) {
    refuse("unknown_parameter", field, "not a parameter that Talus knows of");
  }
  refuse("unsupported_parameter",
         field,
         elsewhere->where == Where::chat ? "belongs to /v1/chat/completions"
                                         : "belongs to /v1/completions");
}

void read_param(std::string const& name, Json const& value, Draft& draft) {
  Field const field{value, "body." + clip(name)};
  auto const endpoint = draft.request.endpoint;
  auto const param = std::find_if(params.begin(), params.end(), [&](auto const& entry) {
    return entry.name == name && is_of(entry, endpoint);
  });
  if (param != params.end()) {
    if (!value.is_null()) {
      param->read(field, draft);
    }
    return;
  }
  if (auto* const read_sampling = find_sampling_field(name)) {
    if (!value.is_null()) {
      read_sampling(field, draft.request.params);
    }
    return;
  }
  auto const unsupported = find_unsupported(name);
  if (!unsupported) {
    refuse_unknown(field, name);
  }
  if (!value.is_null() && !is_neutral(*unsupported, value)) {
    refuse("unsupported_parameter", field, unsupported->why);
  }
}

void finish_max_tokens(Draft& draft) {
  auto const& longer = draft.max_completion_tokens;
  if (draft.max_tokens && longer && *draft.max_tokens != *longer) {
    throw Refusal{"invalid_value",
                  "body.max_completion_tokens",
                  concat("body.max_completion_tokens: ",
                         *longer,
                         " (it and max_tokens, here ",
                         *draft.max_tokens,
                         ", mean the same and must be equal)")};
  }
  if (draft.max_tokens || longer) {
    draft.request.params.max_tokens = longer ? longer : draft.max_tokens;
  }
}

void finish_logprobs(Draft& draft) {
  auto const top = draft.top_logprobs.value_or(0);
  if (top != 0 && !draft.wants_logprobs) {
    throw Refusal{"invalid_value",
                  "body.top_logprobs",
                  concat("body.top_logprobs: ", top, " (needs logprobs: true)")};
  }
  if (draft.wants_logprobs) {
    draft.request.params.logprobs = top;
  }
}

// What continues a message can't begin a new one.
void finish_generation_prompt(Draft& draft) {
  auto const given = draft.chat.find("add_generation_prompt");
  if (given == draft.chat.end()) {
    draft.chat["add_generation_prompt"] = !draft.continues;
  } else if (draft.continues && *given == true) {
    throw Refusal{"invalid_value",
                  "body.continue_final_message",
                  "body.continue_final_message: true (add_generation_prompt must be false then)"};
  }
}

// As vLLM does, an effort is a variable of the template, and says whether to think at all.
void finish_effort(Draft& draft) {
  if (!draft.reasoning_effort) {
    return;
  }
  Json& kwargs = draft.chat["chat_template_kwargs"];
  if (kwargs.is_null()) {
    kwargs = Json::object();
  }
  if (!kwargs.contains("reasoning_effort")) {
    kwargs["reasoning_effort"] = *draft.reasoning_effort;
  }
  if (!kwargs.contains("enable_thinking")) {
    kwargs["enable_thinking"] = *draft.reasoning_effort != "none";
  }
}

void finish_prompt(Draft& draft) {
  if (draft.request.endpoint == Endpoint::completions) {
    if (!draft.has_prompt) {
      refuse_missing("body.prompt", "a string or a list of token ids is needed");
    }
    return;
  }
  if (!draft.chat.contains("messages")) {
    refuse_missing("body.messages", "a list of messages is needed");
  }
  finish_generation_prompt(draft);
  finish_effort(draft);
  draft.request.prompt = ChatPrompt{draft.chat.dump(), draft.continues};
}

}  // namespace

void read_body(Json const& body, Request& request) {
  need_object({body, "body"});
  Draft draft{.request = request};
  for (auto const& [name, value] : body.items()) {
    read_param(name, value, draft);
  }
  finish_max_tokens(draft);
  finish_logprobs(draft);
  finish_prompt(draft);
  if (auto const problem = find_problem(request.params)) {
    // The chat endpoint asks for the number of logprobs under another name.
    bool const is_top = problem->param == "logprobs" && request.endpoint == Endpoint::chat;
    std::string const prefix = is_top ? "body.top_" : "body.";
    throw Refusal{"invalid_value", prefix + problem->param, prefix + problem->message};
  }
}

}  // namespace talus::io::detail
