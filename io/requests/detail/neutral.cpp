// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/neutral.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace talus::io::detail {
namespace {

constexpr std::string_view not_yet = "not supported yet";
constexpr std::string_view not_text = "Talus reads and writes text only";
constexpr std::string_view not_grammar = "structured output is not supported yet";
constexpr std::string_view no_server = "a batch has no server that could act on it";
constexpr std::string_view other_engine = "a parameter of another engine";

constexpr std::array unsupported{
    UnsupportedParam{"length_penalty", "[1]", not_yet},
    UnsupportedParam{"use_beam_search", "[false]", not_yet},
    UnsupportedParam{"early_stopping", "[false]", not_yet},
    UnsupportedParam{"logits_processors", "[[]]", not_yet},
    UnsupportedParam{
        "spaces_between_special_tokens", "[true]", "the tokenizer says where spaces are"},
    UnsupportedParam{"detokenize", "[true]", not_text},
    UnsupportedParam{"logprob_token_ids", "[]", "use logprobs"},
    UnsupportedParam{"prompt_logprob_token_ids", "[]", "use prompt_logprobs"},
    UnsupportedParam{"prompt_logprob_start", "[]", "use prompt_logprobs"},
    UnsupportedParam{"flat_logprobs", "[false]", not_yet},
    UnsupportedParam{"watermarking", "[false]", not_yet},
    UnsupportedParam{"trace_decode_token_ids", "[]", not_yet},
    UnsupportedParam{"return_token_offsets", "[false]", not_yet},
    UnsupportedParam{"return_prompt_text", "[false]", "use echo or return_token_ids"},
    UnsupportedParam{"return_mm_kwargs", "[true,false]", not_text},
    UnsupportedParam{"return_routed_experts", "[false]", "use --trace"},
    UnsupportedParam{"routed_experts_prompt_start", "[0]", "use --trace"},
    UnsupportedParam{"return_tokens_as_token_ids", "[false]", "use return_token_ids"},
    UnsupportedParam{"suffix", "[\"\"]", not_yet},
    UnsupportedParam{"prompt_embeds", "[]", not_yet},
    UnsupportedParam{"include_reasoning", "[true]", "use --reasoning-parser"},
    UnsupportedParam{"separate_reasoning", "[]", "use --reasoning-parser"},
    UnsupportedParam{"chat_template", "[]", "the model's own is used, or --chat-template's"},
    UnsupportedParam{"parallel_tool_calls", "[true]", not_yet},
    UnsupportedParam{"functions", "[[]]", "use tools"},
    UnsupportedParam{"function_call", "[\"none\",\"auto\"]", "use tools"},
    UnsupportedParam{"response_format", "[{\"type\":\"text\"}]", not_grammar},
    UnsupportedParam{"structured_outputs", "[]", not_grammar},
    UnsupportedParam{"guided_json", "[]", not_grammar},
    UnsupportedParam{"guided_regex", "[]", not_grammar},
    UnsupportedParam{"guided_choice", "[]", not_grammar},
    UnsupportedParam{"guided_grammar", "[]", not_grammar},
    UnsupportedParam{"guided_decoding_backend", "[]", not_grammar},
    UnsupportedParam{"guided_whitespace_pattern", "[]", not_grammar},
    UnsupportedParam{"structural_tag", "[]", not_grammar},
    UnsupportedParam{"stream", "[false]", "a batch writes each answer when it is finished"},
    UnsupportedParam{"stream_options", "[]", "a batch writes each answer when it is finished"},
    UnsupportedParam{"stream_interval", "[]", "a batch writes each answer when it is finished"},
    UnsupportedParam{"modalities", "[[\"text\"]]", not_text},
    UnsupportedParam{"audio", "[]", not_text},
    UnsupportedParam{"mm_processor_kwargs", "[]", not_text},
    UnsupportedParam{"media_io_kwargs", "[]", not_text},
    UnsupportedParam{"prediction", "[]", not_yet},
    UnsupportedParam{"priority", "[0]", not_yet},
    UnsupportedParam{"verbosity", "[]", no_server},
    UnsupportedParam{"web_search_options", "[]", no_server},
    UnsupportedParam{"service_tier", "[\"auto\",\"default\"]", no_server},
    UnsupportedParam{"store", "[false]", no_server},
    UnsupportedParam{"cache_salt", "[]", no_server},
    UnsupportedParam{"kv_transfer_params", "[]", no_server},
    UnsupportedParam{"ec_transfer_params", "[]", no_server},
    UnsupportedParam{"session_id", "[]", no_server},
    UnsupportedParam{"prompt_cache_retention", "[]", no_server},
    UnsupportedParam{"extra_args", "[]", other_engine},
    UnsupportedParam{"lora_request", "[]", not_yet},
    UnsupportedParam{"vllm_xargs", "[]", other_engine},
    UnsupportedParam{"request_id", "[]", "a batch has custom_id for it"},
    UnsupportedParam{"max_new_tokens", "[]", "use max_tokens"},
    UnsupportedParam{"min_new_tokens", "[]", "use min_tokens"},
    UnsupportedParam{"do_sample", "[]", "use temperature, where 0 is greedy"},
    UnsupportedParam{"random_seed", "[]", "use seed"},
    UnsupportedParam{"stop_words", "[]", "use stop"},
    UnsupportedParam{"json_schema", "[]", not_grammar},
    UnsupportedParam{"regex", "[]", not_grammar},
    UnsupportedParam{"ebnf", "[]", not_grammar},
};

}  // namespace

std::optional<UnsupportedParam> find_unsupported(std::string_view name) {
  auto const found = std::find_if(unsupported.begin(), unsupported.end(), [&](auto const& entry) {
    return entry.name == name;
  });
  return found == unsupported.end() ? std::nullopt : std::optional{*found};
}

bool is_neutral(UnsupportedParam const& param, Json const& value) {
  auto const neutral = Json::parse(param.neutral);
  return std::find(neutral.begin(), neutral.end(), value) != neutral.end();
}

}  // namespace talus::io::detail
