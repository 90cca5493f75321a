// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/model/family.hpp"
#include "runtime/model/weights.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

/// The fields that matter of a published config.json, spelled as there, and the parameters that the
/// model's publishers count (of the text model, without layers for speculation), in thousands of
/// millions.
struct Published {
  char const* name;
  double parameters;
  char const* config;
};

Published const published[] = {
    {"Llama-2-7b", 6.738415616, R"({"model_type": "llama", "hidden_size": 4096,
      "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
      "vocab_size": 32000, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05})"},
    {"Mistral-7B-v0.1", 7.241732096, R"({"model_type": "mistral", "hidden_size": 4096,
      "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
      "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
      "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096})"},
    {"Qwen2.5-7B", 7.615616512, R"({"model_type": "qwen2", "hidden_size": 3584,
      "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
      "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 131072,
      "max_window_layers": 28, "sliding_window": 131072, "use_sliding_window": false,
      "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "use_mrope": false})"},
    {"Mixtral-8x7B-v0.1", 46.702792704, R"({"model_type": "mixtral", "hidden_size": 4096,
      "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
      "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
      "vocab_size": 32000, "max_position_embeddings": 32768, "rms_norm_eps": 1e-05,
      "rope_theta": 1000000.0, "sliding_window": null})"},
    {"DeepSeek-V2-Lite", 15.706484224, R"({"model_type": "deepseek_v2", "hidden_size": 2048,
      "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16,
      "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 64,
      "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
      "moe_layer_freq": 1, "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128,
      "qk_rope_head_dim": 64, "v_head_dim": 128, "topk_method": "greedy", "n_group": 1,
      "topk_group": 1, "norm_topk_prob": false, "scoring_func": "softmax", "vocab_size": 102400,
      "max_position_embeddings": 163840, "rope_theta": 10000, "rope_scaling": {"type": "yarn",
        "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 0.707, "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 4096}})"},
    {"Kimi-K2-Instruct", 1026.4, R"({"model_type": "kimi_k2", "hidden_size": 7168,
      "num_hidden_layers": 61, "num_attention_heads": 64, "num_key_value_heads": 64,
      "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 384,
      "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 1,
      "moe_layer_freq": 1, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128,
      "qk_rope_head_dim": 64, "v_head_dim": 128, "topk_method": "noaux_tc", "n_group": 1,
      "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 2.827,
      "scoring_func": "sigmoid", "vocab_size": 163840, "max_position_embeddings": 131072,
      "rope_theta": 50000.0, "rope_scaling": {"type": "yarn", "factor": 32.0, "beta_fast": 1.0,
        "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096}})"},
    {"gpt-oss-20b in bfloat16", 20.914757184, R"({"model_type": "gpt_oss", "hidden_size": 2880,
      "head_dim": 64, "intermediate_size": 2880, "num_hidden_layers": 24,
      "num_attention_heads": 64, "num_key_value_heads": 8, "num_local_experts": 32,
      "num_experts_per_tok": 4, "experts_per_token": 4, "attention_bias": true,
      "sliding_window": 128, "swiglu_limit": 7.0, "vocab_size": 201088, "rms_norm_eps": 1e-05,
      "max_position_embeddings": 131072, "rope_theta": 150000, "rope_scaling": {
        "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
        "original_max_position_embeddings": 4096, "truncate": false}})"},
    {"Phi-3-mini-4k", 3.821079552, R"({"model_type": "phi3", "hidden_size": 3072,
      "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
      "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096,
      "original_max_position_embeddings": 4096, "rope_scaling": null, "sliding_window": 2047})"},
    {"gemma-2-9b", 9.241705984, R"({"model_type": "gemma2", "hidden_size": 3584,
      "intermediate_size": 14336, "num_hidden_layers": 42, "num_attention_heads": 16,
      "num_key_value_heads": 8, "head_dim": 256, "query_pre_attn_scalar": 256,
      "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
      "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window": 4096,
      "vocab_size": 256000, "max_position_embeddings": 8192, "rms_norm_eps": 1e-06,
      "rope_theta": 10000.0, "attention_bias": false})"},
    {"gemma-3-4b, text", 3.880263168, R"({"model_type": "gemma3", "eos_token_id": [1, 106],
      "text_config": {"model_type": "gemma3_text", "hidden_size": 2560,
        "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
      "vision_config": {"model_type": "siglip_vision_model"}})"},
    {"OLMo-2-1124-7B", 7.2986, R"({"model_type": "olmo2", "hidden_size": 4096,
      "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
      "num_key_value_heads": 32, "vocab_size": 100352, "max_position_embeddings": 4096,
      "rms_norm_eps": 1e-06, "rope_theta": 500000, "attention_bias": false})"},
    {"granite-3.1-8b-base", 8.1708, R"({"model_type": "granite", "hidden_size": 4096,
      "intermediate_size": 12800, "num_hidden_layers": 40, "num_attention_heads": 32,
      "num_key_value_heads": 8, "vocab_size": 49152, "max_position_embeddings": 131072,
      "attention_multiplier": 0.0078125, "embedding_multiplier": 12.0,
      "residual_multiplier": 0.22, "logits_scaling": 16.0, "rope_theta": 10000000.0,
      "rms_norm_eps": 1e-05, "tie_word_embeddings": true, "mlp_bias": false})"},
    {"GLM-4.5-Air", 106.85, R"({"model_type": "glm4_moe", "hidden_size": 4096,
      "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 46,
      "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128,
      "n_routed_experts": 128, "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 1,
      "topk_group": 1, "first_k_dense_replace": 1, "norm_topk_prob": true,
      "routed_scaling_factor": 1.0, "use_qk_norm": false, "attention_bias": true,
      "partial_rotary_factor": 0.5, "vocab_size": 151552, "max_position_embeddings": 131072,
      "rope_theta": 1000000, "num_nextn_predict_layers": 1})"},
    {"MiniMax-M2", 228.7, R"({"model_type": "minimax_m2", "hidden_size": 3072,
      "intermediate_size": 1536, "num_hidden_layers": 62, "num_attention_heads": 48,
      "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 256,
      "num_experts_per_tok": 8, "rotary_dim": 64, "use_qk_norm": true,
      "qk_norm_type": "per_layer", "use_routing_bias": true, "scoring_func": "sigmoid",
      "shared_intermediate_size": 0, "vocab_size": 200064, "max_position_embeddings": 196608,
      "rope_theta": 5000000})"},
    {"Seed-OSS-36B", 36.151104512, R"({"model_type": "seed_oss", "hidden_size": 5120,
      "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 80,
      "num_key_value_heads": 8, "head_dim": 128, "attention_bias": true,
      "attention_out_bias": false, "mlp_bias": false, "vocab_size": 155136,
      "max_position_embeddings": 524288, "rope_theta": 10000000.0})"},
    {"SmolLM3-3B", 3.075098624, R"({"model_type": "smollm3", "hidden_size": 2048,
      "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16,
      "num_key_value_heads": 4, "vocab_size": 128256, "max_position_embeddings": 65536,
      "no_rope_layer_interval": 4, "use_sliding_window": false, "sliding_window": null,
      "rope_theta": 5000000.0, "tie_word_embeddings": true})"},
    {"Apertus-8B", 8.053338176, R"({"model_type": "apertus", "hidden_size": 4096,
      "intermediate_size": 21504, "num_hidden_layers": 32, "num_attention_heads": 32,
      "num_key_value_heads": 8, "hidden_act": "xielu", "qk_norm": true, "post_norm": false,
      "vocab_size": 131072, "max_position_embeddings": 65536, "rope_theta": 12000000,
      "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3"}})"},
};

ModelSpec spec_of(char const* name) {
  for (Published const& model : published) {
    if (std::string{model.name}.find(name) == 0) {
      return read_model_spec(io::Json::parse(model.config), "config.json");
    }
  }
  throw Error{concat("no published config of ", name)};
}

/// Parameters, a tied embedding counted once, in thousands of millions.
double parameters_of(ModelSpec const& spec) {
  kernels::ExecContext const plain{kernels::Backend::reference};  // packs nothing, so pads nothing
  std::int64_t count = weight_bytes(plain, spec, {}, DType::f32) / 4;
  count -= spec.tied_embeddings ? spec.vocab * spec.hidden : 0;
  return static_cast<double>(count) / 1e9;
}

}  // namespace

TEST_CASE("published models have the parameters that their publishers count") {
  for (Published const& model : published) {
    ModelSpec const spec = read_model_spec(io::Json::parse(model.config), "config.json");
    INFO(model.name << ": " << parameters_of(spec) << " thousand million");
    CHECK(parameters_of(spec) == Catch::Approx(model.parameters).epsilon(1e-3));
  }
}

TEST_CASE("windows are where the families have them") {
  auto const windows = [](ModelSpec const& spec) {
    std::vector<std::int64_t> all;
    for (LayerSpec const& layer : spec.layers) {
      all.push_back(layer.attention.window);
    }
    return all;
  };
  CHECK(windows(spec_of("Mistral")) == std::vector<std::int64_t>(32, 4096));
  CHECK(windows(spec_of("Qwen2.5")) == std::vector<std::int64_t>(28, 0));
  std::vector<std::int64_t> const gpt = windows(spec_of("gpt-oss"));
  CHECK(gpt[0] == 128);
  CHECK(gpt[1] == 0);
  CHECK(windows(spec_of("gemma-2"))[41] == 0);
  std::vector<std::int64_t> const gemma3 = windows(spec_of("gemma-3"));
  CHECK(gemma3[4] == 1024);
  CHECK(gemma3[5] == 0);
  CHECK(gemma3[33] == 1024);
}

TEST_CASE("Gemma 3 rotates layers with a window as they were trained") {
  ModelSpec const spec = spec_of("gemma-3");
  CHECK(spec.names.root == "language_model.model.");
  CHECK(spec.tied_embeddings);
  CHECK(spec.eos_tokens == std::vector<std::int32_t>{1, 106});
  CHECK(spec.layers[0].attention.rope.theta == 10'000.0);
  CHECK(spec.layers[0].attention.rope.scaling == RopeScaling::none);
  CHECK(spec.layers[5].attention.rope.theta == 1e6);
  CHECK(spec.layers[5].attention.rope.scaling == RopeScaling::linear);
}

TEST_CASE("heads are rotated in part where the config says so") {
  CHECK(spec_of("GLM").layers[0].attention.rope.rotary_dim == 64);
  CHECK(spec_of("MiniMax").layers[0].attention.rope.rotary_dim == 64);
  ModelSpec const smol = spec_of("SmolLM3");
  CHECK(smol.layers[2].attention.rope.rotary_dim == 128);
  CHECK(smol.layers[3].attention.rope.rotary_dim == 0);
}

TEST_CASE("longrope takes its length from either place, and its factor from the lengths") {
  io::Json config = io::Json::parse(published[7].config);
  std::vector<double> const ones(48, 1.25);
  config["max_position_embeddings"] = 131072;
  config["rope_scaling"] = {{"type", "longrope"}, {"short_factor", ones}, {"long_factor", ones}};
  ModelSpec const spec = read_model_spec(config, "config.json");
  RopeSpec const& rope = spec.layers[0].attention.rope;

  CHECK(rope.scaling == RopeScaling::longrope);
  CHECK(rope.original_max_position == 4096.0);
  CHECK(rope.factor == 32.0);
  config["rope_scaling"]["long_factor"] = std::vector<double>(47, 1.0);
  CHECK_THROWS_WITH(read_model_spec(config, "config.json"),
                    ContainsSubstring("long_factor") && ContainsSubstring("48 positive numbers"));
}

TEST_CASE("what a family is not known with is refused by its name") {
  auto const [name, field, value, why] =
      GENERATE(table<char const*, char const*, char const*, char const*>({
          {"Apertus", "rope_scaling", "null", "llama3"},
          {"Apertus", "post_norm", "true", "norms before"},
          {"MiniMax", "use_qk_norm", "false", "norms of queries"},
          {"MiniMax", "rotary_dim", "256", "128 components"},
          {"GLM", "partial_rotary_factor", "1.5", "(0, 1]"},
          {"gemma-2", "final_logit_softcapping", "0.0", "positive"},
          {"gemma-2", "use_bidirectional_attention", "true", "causal"},
          {"Mistral", "layer_types", R"(["full_attention"])", "in all layers or in none"},
          {"gpt-oss", "layer_types", R"(["full_attention"])", "each of the 24 layers"},
          {"gpt-oss", "rope_scaling", "null", "yarn"},
          {"DeepSeek-V2", "norm_topk_prob", "true", "not normalised"},
          {"DeepSeek-V2", "topk_method", "\"noaux_tc\"", "group_limited_greedy"},
          {"SmolLM3", "no_rope_layers", "[1, 0]", "each of the 36 layers"},
          {"Kimi", "rope_scaling", R"({"type": "yarn", "factor": 2, "beta_fast": 0})", "beta_slow"},
      }));
  CAPTURE(name, field, value);
  for (Published const& model : published) {
    if (std::string{model.name}.find(name) == 0) {
      io::Json config = io::Json::parse(model.config);
      config[field] = io::Json::parse(value);
      CHECK_THROWS_WITH(read_model_spec(config, "config.json"),
                        ContainsSubstring(field) && ContainsSubstring(why));
    }
  }
}

TEST_CASE("a model of text and images without a text model is refused") {
  CHECK_THROWS_WITH(
      read_model_spec(io::Json::parse(R"({"model_type": "mistral3"})"), "config.json"),
      ContainsSubstring("text_config = missing"));
}
