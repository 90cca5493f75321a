// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/family.hpp"

#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/model/rope_config.hpp"

namespace talus::runtime {
namespace {

constexpr std::array all_families = {
    Family{"llama", read_llama},
    Family{"qwen3", read_qwen3},
    Family{"qwen3_moe", read_qwen3_moe},
    Family{"deepseek_v3", read_deepseek_v3},
};

constexpr std::int64_t most_layers = 4096;  // many times the deepest model's

Family const& family_of(ConfigFields const& config) {
  std::string const type = config.text_or("model_type", "");
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

void refuse_what_is_not_supported(ConfigFields const& config) {
  config.expect_only("hidden_act", "silu", "only silu is supported");
  config.expect_only("attention_bias", false, "biases are not supported yet");
  config.expect_only("mlp_bias", false, "biases are not supported yet");
  config.expect_only("use_sliding_window", false, "sliding windows are not supported yet");
  if (config.has("quantization_config")) {
    config.refuse("quantization_config", "quantised checkpoints are not supported yet");
  }
}

}  // namespace

std::span<Family const> families() {
  return all_families;
}

ModelSpec read_model_spec(io::Json const& json, std::string const& source) {
  ConfigFields const config{json, source};
  ModelSpec spec;
  Family const& family = family_of(config);
  refuse_what_is_not_supported(config);
  spec.family = family.model_type;
  if (io::Json const* const names = config.find("architectures");
      names != nullptr && names->is_array() && !names->empty() && names->front().is_string()) {
    spec.architecture = names->front().get<std::string>();
  }
  spec.hidden = config.size("hidden_size");
  spec.vocab = config.size("vocab_size");
  spec.max_position = config.size("max_position_embeddings");
  spec.norm_epsilon = static_cast<float>(config.number_or("rms_norm_eps", 1e-6));
  spec.tied_embeddings = config.flag_or("tie_word_embeddings", false);
  spec.dtype = dtype_from(config);
  spec.eos_tokens = eos_from(config);
  std::int64_t const num_layers = config.size("num_hidden_layers");
  if (num_layers > most_layers) {
    config.refuse("num_hidden_layers", concat("at most ", most_layers));
  }
  spec.layers.resize(static_cast<std::size_t>(num_layers));
  family.read(config, spec);
  return spec;
}

ModelSpec read_model_spec(std::filesystem::path const& dir) {
  std::filesystem::path const file = dir / "config.json";
  ModelSpec spec = read_model_spec(io::read_json_file(file), file.string());
  std::filesystem::path const generation = dir / "generation_config.json";
  if (std::filesystem::exists(generation)) {
    io::Json const json = io::read_json_file(generation);
    ConfigFields const fields{json, generation.string()};
    if (fields.has("eos_token_id")) {
      spec.eos_tokens = eos_from(fields);
    }
  }
  return spec;
}

AttentionSpec read_grouped_query(ConfigFields const& config, ModelSpec const& spec) {
  AttentionSpec attention;
  attention.heads = config.size("num_attention_heads");
  attention.kv_heads = config.size_or("num_key_value_heads", attention.heads);
  if (attention.heads % attention.kv_heads != 0) {
    config.refuse("num_key_value_heads",
                  concat("must divide num_attention_heads = ", attention.heads));
  }
  if (!config.has("head_dim") && spec.hidden % attention.heads != 0) {
    config.refuse("num_attention_heads",
                  concat("must divide hidden_size = ", spec.hidden, " where head_dim is missing"));
  }
  attention.head_dim = config.size_or("head_dim", spec.hidden / attention.heads);
  attention.value_dim = attention.head_dim;
  attention.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(attention.head_dim)));
  attention.rope = read_rope(config, attention.head_dim);
  return attention;
}

}  // namespace talus::runtime
