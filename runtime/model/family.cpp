// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/family.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/model/families/family_list.hpp"
#include "runtime/model/spec_limits.hpp"

namespace talus::runtime {
namespace {

constexpr std::array all_families = {
    Family{"apertus", read_apertus, {.max_position = 65536, .norm_epsilon = 1e-5}},
    Family{"deepseek_v2", read_deepseek_v2},
    Family{"deepseek_v3", read_deepseek_v3},
    Family{
        "gemma2", read_gemma2, {.vocab = 256'000, .max_position = 8192, .tied_embeddings = true}},
    Family{"gemma3_text",
           read_gemma3,
           {.vocab = 262'208, .max_position = 131'072, .tied_embeddings = true}},
    Family{"glm4_moe", read_glm4_moe, {.norm_epsilon = 1e-5}},
    Family{"gpt_oss", read_gpt_oss, {.max_position = 131'072, .norm_epsilon = 1e-5}},
    Family{"granite", read_granite},
    Family{"kimi_k2", read_deepseek_v3},
    Family{"llama", read_llama},
    Family{"minimax_m2", read_minimax_m2},
    Family{"ministral3", read_ministral3, {.max_position = 262'144, .norm_epsilon = 1e-5}},
    Family{"mistral", read_mistral},
    Family{"mixtral", read_mixtral, {.norm_epsilon = 1e-5}},
    Family{"olmo2", read_olmo2, {.norm_epsilon = 1e-5}},
    Family{"phi3", read_phi3, {.norm_epsilon = 1e-5}},
    Family{"qwen2", read_qwen2},
    Family{"qwen3", read_qwen3},
    Family{"qwen3_moe", read_qwen3_moe},
    Family{"seed_oss", read_seed_oss},
    Family{"smollm3", read_smollm3, {.tied_embeddings = true}},
};

/// Models of text and images: the text model's config lies inside, its tensors have another root.
struct Wrapper {
  char const* model_type;
  char const* text_type;  ///< where the text model's config doesn't say it
};

constexpr std::array wrappers = {
    Wrapper{"gemma3", "gemma3_text"},
    Wrapper{"mistral3", "mistral"},
};

constexpr std::int64_t most_layers = 4096;  // many times the deepest model's

/// Fields that change the arithmetic, and the value that changes nothing. One that a family has
/// not asked for must have that value.
void refuse_what_is_not_known(ConfigFields const& config) {
  static io::Json const neutral = io::Json::parse(R"({
    "attention_bias": false, "mlp_bias": false, "use_bias": false, "bias": false, "qkv_bias": false,
    "add_qkv_bias": false, "lm_head_bias": false, "clip_qkv": false, "use_parallel_residual": false,
    "parallel_attn": false, "alibi": false, "use_qk_norm": false, "qk_layernorm": false,
    "use_sliding_window": false, "sliding_window": false, "final_logit_softcapping": false,
    "attn_logit_softcapping": false, "logit_scale": 1, "logits_scaling": 1,
    "embedding_multiplier": 1, "residual_multiplier": 1, "attention_multiplier": 1, "scale_emb": 1,
    "use_mup": false, "partial_rotary_factor": 1, "no_rope_layers": [], "norm_after": false,
    "post_norm": false, "index_topk": false, "moe_layer_freq": 1
  })");
  for (auto const& [name, value] : neutral.items()) {
    if (config.was_asked(name) || !config.has(name)) {
      continue;
    }
    io::Json const& given = *config.find(name);
    bool const is_off = given == value || given == false || given == io::Json(0);
    if (!is_off) {
      config.refuse(name, "this family is not known with it");
    }
  }
}

/// Layer types say nothing where all layers see everything; nor does a window that none uses.
void accept_full_attention(ConfigFields const& config) {
  if (!config.was_asked("layer_types")) {
    for (std::string const& type : config.texts("layer_types")) {
      if (type != "full_attention") {
        config.refuse("layer_types", "this family is known with full_attention only");
      }
    }
  }
}

Family const& family_of(ConfigFields const& config, char const* fallback) {
  std::string const type = config.text_or("model_type", fallback);
  std::string known;
  for (Family const& family : all_families) {
    if (type == family.model_type) {
      return family;
    }
    known += concat(known.empty() ? "" : ", ", family.model_type);
  }
  config.refuse("model_type", concat("known families are ", known));
}

DType dtype_from(ConfigFields const& config) {
  char const* const key = config.has("dtype") ? "dtype" : "torch_dtype";
  std::string const name = config.text_or(key, "float32");
  for (DType const type : {DType::f32, DType::f16, DType::bf16}) {
    if (name == name_of(type)) {
      return type;
    }
  }
  config.refuse(key, "known types are float32, float16, bfloat16");
}

std::vector<std::int32_t> eos_from(ConfigFields const& config) {
  io::Json const* const value = config.find("eos_token_id");
  if (value == nullptr) {
    return {};
  }
  io::Json const list = value->is_array() ? *value : io::Json::array({*value});
  std::vector<std::int32_t> ids;
  for (io::Json const& id : list) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 0x7FFFFFFFU) {
      config.refuse("eos_token_id", "must be a token id or a list of them");
    }
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

std::int64_t size_or_default(ConfigFields const& config, char const* name, std::int64_t fallback) {
  return fallback > 0 ? config.size_or(name, fallback) : config.size(name);
}

void read_sizes(ConfigFields const& config, FamilyDefaults const& defaults, ModelSpec& spec) {
  spec.hidden = config.size("hidden_size");
  spec.vocab = size_or_default(config, "vocab_size", defaults.vocab);
  spec.max_position = size_or_default(config, "max_position_embeddings", defaults.max_position);
  double const epsilon = config.number_or("rms_norm_eps", defaults.norm_epsilon);
  if (!(epsilon > 0.0 && epsilon < 1.0)) {
    config.refuse("rms_norm_eps", "must be in (0, 1)");
  }
  spec.norm_epsilon = static_cast<float>(epsilon);
  std::int64_t const num_layers = config.size("num_hidden_layers");
  if (num_layers > most_layers) {
    config.refuse("num_hidden_layers", concat("at most ", most_layers));
  }
  spec.layers.resize(static_cast<std::size_t>(num_layers));
}

/// The wrapper of a config, if it is of a model of text and images.
Wrapper const* wrapper_of(ConfigFields const& config) {
  std::string const type = config.text_or("model_type", "");
  for (Wrapper const& wrapper : wrappers) {
    if (type == wrapper.model_type) {
      return &wrapper;
    }
  }
  return nullptr;
}

/// `outer` is the file's own config; `config` the text model's, often the same.
ModelSpec read_text_model(ConfigFields const& outer,
                          ConfigFields const& config,
                          char const* fallback_type) {
  ModelSpec spec;
  for (ConfigFields const* const fields : {&outer, &config}) {
    if (std::optional<ConfigFields> const nested = fields->object("quantization_config")) {
      spec.quantization = read_quantization(*nested);
    }
  }
  Family const& family = family_of(config, fallback_type);
  spec.family = family.model_type;
  if (io::Json const* const names = outer.find("architectures");
      names != nullptr && names->is_array() && !names->empty() && names->front().is_string()) {
    spec.architecture = names->front().get<std::string>();
  }
  read_sizes(config, family.defaults, spec);
  ConfigFields const& says_tied = config.has("tie_word_embeddings") ? config : outer;
  spec.tied_embeddings = says_tied.flag_or("tie_word_embeddings", family.defaults.tied_embeddings);
  bool const has_dtype = config.has("dtype") || config.has("torch_dtype");
  spec.dtype = dtype_from(has_dtype ? config : outer);
  spec.eos_tokens = eos_from(outer.has("eos_token_id") ? outer : config);
  family.read(config, spec);
  check_sizes(spec, config.source());
  accept_full_attention(config);
  refuse_what_is_not_known(config);
  return spec;
}

}  // namespace

std::span<Family const> families() {
  return all_families;
}

ModelSpec read_model_spec(io::Json const& json, std::string const& source) {
  ConfigFields const config{json, source};
  Wrapper const* const wrapper = wrapper_of(config);
  if (wrapper == nullptr) {
    return read_text_model(config, config, "");
  }
  std::optional<ConfigFields> const text = config.object("text_config");
  if (!text) {
    config.refuse("text_config", "must be there in a model of text and images");
  }
  if (text->has("final_logit_softcapping")) {
    text->refuse("final_logit_softcapping", "models of text and images don't cap their logits");
  }
  ModelSpec spec = read_text_model(config, *text, wrapper->text_type);
  spec.names.root = "language_model.model.";
  spec.names.head = "language_model.lm_head.weight";
  return spec;
}

ModelTexts read_model_texts(std::filesystem::path const& dir) {
  ModelTexts texts{io::read_text_file(dir / "config.json"), std::nullopt};
  std::filesystem::path const generation = dir / "generation_config.json";
  if (std::filesystem::exists(generation)) {
    texts.generation = io::read_text_file(generation);
  }
  return texts;
}

ModelSpec read_model_spec(std::filesystem::path const& dir) {
  return read_model_spec(read_model_texts(dir), dir);
}

ModelSpec read_model_spec(ModelTexts const& texts, std::filesystem::path const& dir) {
  std::string const file = (dir / "config.json").string();
  ModelSpec spec = read_model_spec(io::parse_json(texts.config, file), file);
  if (texts.generation) {
    std::string const generation = (dir / "generation_config.json").string();
    io::Json const json = io::parse_json(*texts.generation, generation);
    ConfigFields const fields{json, generation};
    if (fields.has("eos_token_id")) {
      spec.eos_tokens = eos_from(fields);
    }
  }
  return spec;
}

}  // namespace talus::runtime
