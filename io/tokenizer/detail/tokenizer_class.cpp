// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/tokenizer_class.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io::tokenizer {
namespace {

template <std::size_t n>
bool is_one_of(std::string_view name, std::array<std::string_view, n> const& names) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Model types for which transformers takes the file as it is, whatever class is named.
constexpr std::array<std::string_view, 21> as_written_types = {"mistral",
                                                               "mistral3",
                                                               "ministral",
                                                               "ministral3",
                                                               "mixtral",
                                                               "olmo2",
                                                               "olmo3",
                                                               "olmo_hybrid",
                                                               "flex_olmo",
                                                               "granite",
                                                               "granitemoe",
                                                               "granitemoehybrid",
                                                               "granitemoeshared",
                                                               "glm",
                                                               "glm4",
                                                               "glm4_moe",
                                                               "glm4_moe_lite",
                                                               "kimi_linear",
                                                               "minimax_m2",
                                                               "phi3",
                                                               "phimoe"};

constexpr std::array<std::string_view, 4> qwen2_types = {
    "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next"};

constexpr std::array<std::string_view, 4> gemma_types = {
    "gemma", "gemma2", "gemma3", "gemma3_text"};

constexpr std::array<std::string_view, 6> gpt2_types = {
    "gpt2", "gpt_neo", "gptj", "opt", "starcoder2", "phi"};

// Classes of transformers that build steps of their own, which nobody needed here so far.
constexpr std::array<std::string_view, 18> refused_classes = {"AlbertTokenizer",
                                                              "BartTokenizer",
                                                              "BertTokenizer",
                                                              "CLIPTokenizer",
                                                              "CamembertTokenizer",
                                                              "CodeLlamaTokenizer",
                                                              "CohereTokenizer",
                                                              "DebertaV2Tokenizer",
                                                              "GPTNeoXTokenizer",
                                                              "MBartTokenizer",
                                                              "NllbTokenizer",
                                                              "OpenAIGPTTokenizer",
                                                              "PegasusTokenizer",
                                                              "Qwen3_5Tokenizer",
                                                              "RobertaTokenizer",
                                                              "T5Tokenizer",
                                                              "XGLMTokenizer",
                                                              "XLMRobertaTokenizer"};

// The pattern of Qwen2Tokenizer in transformers 5.
constexpr char const* qwen2_words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr char const* word_begin = "\xE2\x96\x81";  // U+2581

Json replace_step(char const* from, char const* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Json byte_level(bool add_prefix_space, bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", add_prefix_space},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

/// Blanks back, bytes joined, and perhaps without the blank before the text.
Json sentencepiece_decoder(bool strips) {
  Json steps =
      Json::array({replace_step(word_begin, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (strips) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

std::string without_fast(std::string const& name) {
  return name.ends_with("Fast") ? name.substr(0, name.size() - 4) : name;
}

}  // namespace

TokenizerClass::Kind TokenizerClass::pick(std::string const& name,
                                          std::string const& model_type,
                                          bool is_byte_level) {
  if (is_one_of(model_type, as_written_types)) {
    return Kind::as_written;
  }
  if (model_type == "qwen2" || name == "Qwen2Tokenizer" ||
      (name.empty() && is_one_of(model_type, qwen2_types))) {
    return Kind::qwen2;
  }
  if (name == "GemmaTokenizer" || (name.empty() && is_one_of(model_type, gemma_types))) {
    return Kind::gemma;
  }
  if (name == "GPT2Tokenizer" || (name.empty() && is_one_of(model_type, gpt2_types))) {
    return Kind::gpt2;
  }
  return name == "LlamaTokenizer" && !is_byte_level ? Kind::llama : Kind::as_written;
}

TokenizerClass::TokenizerClass(std::optional<JsonField> const& config,
                               std::string const& model_type,
                               bool is_byte_level) {
  auto const field = config ? config->find("tokenizer_class") : std::nullopt;
  std::string const name = field ? without_fast(field->string()) : std::string{};
  kind_ = pick(name, model_type, is_byte_level);
  if (kind_ == Kind::as_written && !is_one_of(model_type, as_written_types) &&
      is_one_of(name, refused_classes)) {
    field->refuse(
        "transformers builds steps of its own for this class, which is not supported; set it to "
        "\"PreTrainedTokenizerFast\" to use tokenizer.json as it is");
  }
  add_prefix_space_ = kind_ == Kind::llama;
  if (config) {
    read_options(*config);
  }
}

void TokenizerClass::read_options(JsonField const& config) {
  auto const map = config.find("auto_map");
  if (map && map->json().is_object() && map->find("AutoTokenizer") && kind_ == Kind::as_written) {
    map->refuse("the tokenizer is Python code beside the model, which is never run");
  }
  has_own_tokens_ = config.find("added_tokens_decoder").has_value();
  add_prefix_space_ = config.boolean_or("add_prefix_space", add_prefix_space_);
  legacy_ = config.boolean_or("legacy", false);
  if (auto const unknown = config.find("unk_token")) {
    unknown_ = unknown->json().is_string() ? unknown->string() : unknown->at("content").string();
  }
}

void TokenizerClass::rewrite(Json& tokenizer_json, std::string const& file) const {
  if (kind_ == Kind::as_written) {
    return;
  }
  JsonField const root{tokenizer_json, file};
  JsonField const model_field = root.at("model");
  if (auto const type = model_field.find("type"); type && type->string() != "BPE") {
    type->refuse("the tokenizer's class is one of BPE");
  }
  (void)model_field.at("vocab");
  (void)model_field.at("merges");
  Json& json = tokenizer_json;
  Json model = {{"type", "BPE"}};
  model["vocab"] = std::move(json["model"]["vocab"]);
  model["merges"] = std::move(json["model"]["merges"]);
  json["normalizer"] = nullptr;
  if (has_own_tokens_) {
    json["added_tokens"] = Json::array();
  }
  if (kind_ == Kind::llama || kind_ == Kind::gemma) {
    model["fuse_unk"] = true;
    model["byte_fallback"] = true;
    json["decoder"] = sentencepiece_decoder(kind_ == Kind::llama && add_prefix_space_);
  } else {
    json["decoder"] = byte_level(true, true);
  }
  if (kind_ == Kind::llama) {
    char const* const scheme = !add_prefix_space_ ? "never" : legacy_ ? "always" : "first";
    json["pre_tokenizer"] = {{"type", "Metaspace"},
                             {"replacement", word_begin},
                             {"prepend_scheme", scheme},
                             {"split", false}};
  } else if (kind_ == Kind::gemma) {
    model["unk_token"] = unknown_.value_or("<unk>");
    json["normalizer"] = replace_step(" ", word_begin);
    json["pre_tokenizer"] = nullptr;  // the class cuts at blanks, of which the normalizer left none
  } else if (kind_ == Kind::qwen2) {
    Json const split = {{"type", "Split"},
                        {"pattern", {{"Regex", qwen2_words}}},
                        {"behavior", "Isolated"},
                        {"invert", false}};
    json["normalizer"] = {{"type", "NFC"}};
    json["pre_tokenizer"] = {{"type", "Sequence"},
                             {"pretokenizers", {split, byte_level(add_prefix_space_, false)}}};
  } else {
    json["pre_tokenizer"] = byte_level(add_prefix_space_, true);
  }
  json["model"] = std::move(model);
}

RoleTokens TokenizerClass::default_roles() const {
  // In the order of TokenRole: bos, eos, unk, sep, pad, cls, mask.
  constexpr char const* end_of_text = "<|endoftext|>";
  switch (kind_) {
    case Kind::llama:
      return {"<s>", "</s>", "<unk>"};
    case Kind::gemma:
      return {"<bos>", "<eos>", "<unk>", std::nullopt, "<pad>", std::nullopt, "<mask>"};
    case Kind::qwen2:
      return {std::nullopt, end_of_text, end_of_text, std::nullopt, end_of_text};
    case Kind::gpt2:
      return {end_of_text, end_of_text, end_of_text};
    case Kind::as_written:
      break;
  }
  return {};
}

}  // namespace talus::io::tokenizer
