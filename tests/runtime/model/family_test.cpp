// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/family.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"
#include "runtime/batch/grid_choice.hpp"
#include "runtime/model/shard.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

// The shapes of published configs, in the spelling that each was published in.
char const* const llama_text = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "attention_bias": false, "mlp_bias": false, "hidden_act": "silu", "hidden_size": 4096,
  "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
  "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
  "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "eos_token_id": [128001, 128008, 128009],
  "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})";

char const* const qwen_text = R"({"architectures": ["Qwen3MoeForCausalLM"],
  "model_type": "qwen3_moe", "attention_bias": false, "hidden_act": "silu", "hidden_size": 2048,
  "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
  "num_experts_per_tok": 8, "norm_topk_prob": true, "decoder_sparse_step": 1,
  "mlp_only_layers": [], "num_hidden_layers": 48, "num_attention_heads": 32,
  "num_key_value_heads": 4, "vocab_size": 151936, "max_position_embeddings": 40960,
  "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "rope_scaling": null,
  "use_sliding_window": false, "sliding_window": null, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "eos_token_id": 151645})";

char const* const deepseek_text = R"({"architectures": ["DeepseekV3ForCausalLM"],
  "model_type": "deepseek_v3", "attention_bias": false, "hidden_act": "silu", "hidden_size": 7168,
  "intermediate_size": 18432, "moe_intermediate_size": 2048, "n_routed_experts": 256,
  "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
  "norm_topk_prob": true, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid",
  "topk_method": "noaux_tc", "moe_layer_freq": 1, "first_k_dense_replace": 3,
  "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128,
  "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
  "v_head_dim": 128, "vocab_size": 129280, "max_position_embeddings": 163840,
  "rms_norm_eps": 1e-06, "rope_theta": 10000, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "eos_token_id": 1,
  "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096}})";

io::Json config_of(char const* text) {
  return io::Json::parse(text);
}

/// A published config with one field changed; "null" removes it.
io::Json changed(char const* text, char const* name, char const* value) {
  io::Json config = config_of(text);
  config[name] = io::Json::parse(value);
  return config;
}

ModelSpec read(io::Json const& config) {
  return read_model_spec(config, "config.json");
}

std::string refusal(io::Json const& config) {
  try {
    static_cast<void>(read(config));
  } catch (ConfigError const& error) {
    return error.what();
  }
  return "not refused";
}

std::string refusal_of_shards(ModelSpec const& spec, ShardPlace const& sizes) {
  try {
    check_shards(spec, sizes);
  } catch (ConfigError const& error) {
    return error.what();
  }
  return "not refused";
}

/// Memory that holds a 16-bit Llama 3.1 8B (16.06 GB) in seven tenths of it.
constexpr std::int64_t roomy = 25'000'000'000;

parallel::GridShape choose(ModelOptions const& options,
                           char const* text,
                           int num_ranks,
                           std::int64_t memory) {
  return choose_grid(
      {},
      options,
      read(config_of(text)),
      {.num_ranks = num_ranks, .ranks_on_node = 4, .available = memory, .weights = DType::bf16});
}

}  // namespace

TEST_CASE("Llama 3.1 8B is read as it was published") {
  ModelSpec const spec = read(config_of(llama_text));

  CHECK(spec.family == "llama");
  CHECK(spec.architecture == "LlamaForCausalLM");
  CHECK(spec.layers.size() == 32);
  CHECK(spec.dtype == DType::bf16);
  CHECK(spec.eos_tokens == std::vector<std::int32_t>{128001, 128008, 128009});
  CHECK(spec.norm_epsilon == 1e-5F);
  CHECK_FALSE(spec.has_experts());
  AttentionSpec const& attention = spec.layers.back().attention;
  CHECK(attention.head_dim == 128);
  CHECK(attention.kv_heads == 8);
  CHECK(attention.qk_norm == QkNorm::none);
  CHECK(attention.rope.scaling == RopeScaling::llama3);
  CHECK(attention.rope.theta == 500000.0);
  CHECK(attention.rope.factor == 8.0);
  CHECK(attention.rope.original_max_position == 8192.0);
  CHECK(spec.layers.front().feed_forward.intermediate == 14336);
  CHECK(kv_token_bytes(spec, {}, DType::bf16) == 131072);
  CHECK(kv_token_bytes(spec, {.pp_size = 2, .tp_rank = 3, .tp_size = 4}, DType::bf16) == 16384);
}

TEST_CASE("Qwen3-30B-A3B is read as it was published") {
  ModelSpec const spec = read(config_of(qwen_text));

  CHECK(spec.layers.size() == 48);
  CHECK(spec.eos_tokens == std::vector<std::int32_t>{151645});
  CHECK(spec.layers[0].attention.head_dim == 128);  // not hidden / heads = 64
  CHECK(spec.layers[0].attention.qk_norm == QkNorm::head);
  CHECK(spec.layers[0].attention.rope.scaling == RopeScaling::none);
  REQUIRE(spec.layers[0].feed_forward.moe.has_value());
  MoeSpec const& moe = *spec.layers[0].feed_forward.moe;
  CHECK(moe.num_experts == 128);
  CHECK(moe.intermediate == 768);
  CHECK(moe.shared_intermediate == 0);
  CHECK(moe.routing.top_k == 8);
  CHECK(moe.routing.normalize);
  CHECK(moe.routing.score == kernels::RouterScore::softmax);
  CHECK(kv_token_bytes(spec, {}, DType::bf16) == 48 * 2 * 4 * 128 * 2);
}

TEST_CASE("DeepSeek-V3 is read as it was published") {
  ModelSpec const spec = read(config_of(deepseek_text));

  REQUIRE(spec.layers.size() == 61);
  CHECK_FALSE(spec.layers[2].feed_forward.moe.has_value());
  CHECK(spec.layers[2].feed_forward.intermediate == 18432);
  REQUIRE(spec.layers[3].feed_forward.moe.has_value());
  MoeSpec const& moe = *spec.layers[3].feed_forward.moe;
  CHECK(moe.num_experts == 256);
  CHECK(moe.shared_intermediate == 2048);
  CHECK(moe.has_correction_bias);
  CHECK(moe.routing.num_groups == 8);
  CHECK(moe.routing.top_groups == 4);
  CHECK(moe.routing.scaling == 2.5F);
  AttentionSpec const& attention = spec.layers[3].attention;
  CHECK(attention.kind == AttentionKind::latent);
  CHECK(attention.head_dim == 192);
  CHECK(attention.value_dim == 128);
  CHECK(attention.q_lora_rank == 1536);
  CHECK(attention.rope.rotary_dim == 64);
  CHECK(attention.rope.pairs == kernels::RopePairs::neighbours);
  CHECK(attention.rope.scaling == RopeScaling::yarn);
  // yarn multiplies the scores by (0.1 * mscale_all_dim * ln(factor) + 1)^2.
  double const factor = 0.1 * std::log(40.0) + 1.0;
  CHECK_THAT(attention.scale, Catch::Matchers::WithinRel(factor * factor / std::sqrt(192.0), 1e-6));
  CHECK(kv_token_bytes(spec, {}, DType::bf16) == 61 * 576 * 2);
  CHECK(kv_token_bytes(spec, {.tp_size = 8}, DType::bf16) == 61 * 576 * 2);  // not cut by heads
}

TEST_CASE("both spellings of a field mean the same") {
  io::Json config = config_of(llama_text);
  io::Json rope = config["rope_scaling"];
  rope["rope_theta"] = config["rope_theta"];
  config["rope_parameters"] = rope;
  config["dtype"] = config["torch_dtype"];
  for (char const* const old : {"rope_scaling", "rope_theta", "torch_dtype"}) {
    config.erase(old);
  }
  ModelSpec const expected = read(config_of(llama_text));
  ModelSpec const spec = read(config);

  CHECK(spec.dtype == expected.dtype);
  CHECK(spec.layers[0].attention == expected.layers[0].attention);
}

TEST_CASE("some layers of Qwen3-MoE may be dense") {
  io::Json config = changed(qwen_text, "decoder_sparse_step", "2");
  config["mlp_only_layers"] = {3};
  ModelSpec const spec = read(config);

  CHECK_FALSE(spec.layers[0].feed_forward.moe.has_value());
  CHECK(spec.layers[1].feed_forward.moe.has_value());
  CHECK_FALSE(spec.layers[3].feed_forward.moe.has_value());
  CHECK(spec.layers[5].feed_forward.moe.has_value());
}

TEST_CASE("what can't be run is refused by its name") {
  auto const [text, name, value, why] =
      GENERATE(table<char const*, char const*, char const*, char const*>({
          {llama_text, "model_type", "\"gpt2\"", "qwen2, qwen3, qwen3_moe"},
          {llama_text, "model_type", "null", "qwen2, qwen3, qwen3_moe"},
          {deepseek_text, "quantization_config", R"({"quant_method": "fp8"})", "weight_block_size"},
          {llama_text, "attention_bias", "1", "true or false"},
          {llama_text, "hidden_act", "\"gelu\"", "silu only"},
          {llama_text, "sliding_window", "4096", "not known with it"},
          {llama_text, "layer_types", "[\"sliding_attention\"]", "full_attention only"},
          {llama_text, "final_logit_softcapping", "30.0", "not known with it"},
          {llama_text, "logit_scale", "0.5", "not known with it"},
          {llama_text, "residual_multiplier", "0.2", "not known with it"},
          {llama_text, "use_qk_norm", "true", "not known with it"},
          {llama_text, "clip_qkv", "8.0", "not known with it"},
          {llama_text, "partial_rotary_factor", "0.5", "rotates whole heads"},
          {llama_text, "rope_parameters", R"({"rope_theta": 1e6})", "something else"},
          {llama_text, "rms_norm_eps", "0", "(0, 1)"},
          {deepseek_text, "attention_bias", "true", "without biases"},
          {deepseek_text, "index_topk", "2048", "not known with it"},
          {qwen_text, "use_sliding_window", "true", "windows are not known"},
          {llama_text, "num_key_value_heads", "5", "must divide num_attention_heads = 32"},
          {llama_text, "num_key_value_heads", "64", "must divide num_attention_heads = 32"},
          {llama_text, "num_attention_heads", "24", "must divide hidden_size = 4096"},
          {llama_text, "hidden_size", "null", "missing"},
          {llama_text, "intermediate_size", "null", "missing"},
          {llama_text, "vocab_size", "-5", "positive"},
          {llama_text, "hidden_size", "0", "positive"},
          {llama_text, "hidden_size", "\"4096\"", "positive"},
          {llama_text, "hidden_size", "4096.5", "positive"},
          {llama_text, "torch_dtype", "\"int8\"", "float32, float16, bfloat16"},
          {llama_text, "eos_token_id", "-1", "token id"},
          {llama_text, "rope_theta", "0", "greater than 1"},
          {qwen_text, "head_dim", "127", "even"},
          {qwen_text, "num_experts_per_tok", "129", "128 experts"},
          {qwen_text, "decoder_sparse_step", "0", "positive"},
          {deepseek_text, "num_experts_per_tok", "129", "128 experts in reach"},
          {deepseek_text, "n_group", "7", "must divide the 256 experts"},
          {deepseek_text, "scoring_func", "\"softmax\"", "sigmoid"},
          {deepseek_text, "kv_lora_rank", "null", "missing"},
          {deepseek_text, "first_k_dense_replace", "-1", "first_k_dense_replace"},
      }));
  CAPTURE(name, value);

  std::string const message = refusal(changed(text, name, value));

  CHECK_THAT(message, ContainsSubstring("config.json: ") && ContainsSubstring(name));
  CHECK_THAT(message, ContainsSubstring(why));
}

TEST_CASE("a rope scaling that isn't known is refused by its name") {
  io::Json config = config_of(llama_text);
  config["rope_scaling"]["rope_type"] = "ntk";
  CHECK_THAT(refusal(config),
             ContainsSubstring("rope_type = \"ntk\"") &&
                 ContainsSubstring("default, linear, dynamic, llama3, yarn, longrope"));

  config["rope_scaling"]["rope_type"] = "llama3";
  config["rope_scaling"].erase("factor");
  CHECK_THAT(refusal(config), ContainsSubstring("factor = missing"));
}

TEST_CASE("sizes that don't cut a model say which would") {
  ModelSpec const llama = read(config_of(llama_text));
  ModelSpec const qwen = read(config_of(qwen_text));

  CHECK_THAT(refusal_of_shards(llama, {.tp_size = 3}),
             ContainsSubstring("3 does not divide the 32") &&
                 ContainsSubstring("1, 2, 4, 8, 16, 32 would do"));
  CHECK_THAT(refusal_of_shards(read(config_of(deepseek_text)), {.tp_size = 64}),
             ContainsSubstring("64 (at most 32"));
  CHECK_THAT(refusal_of_shards(llama, {.pp_size = 33}),
             ContainsSubstring("33 stages for 32 layers"));
  CHECK_THAT(refusal_of_shards(qwen, {.ep_size = 129}),
             ContainsSubstring("129 ranks for 128 experts"));
  CHECK(refusal_of_shards(qwen, {.pp_size = 48, .tp_size = 32, .ep_size = 128}) == "not refused");
}

TEST_CASE("a grid that isn't all ranks is refused with the numbers") {
  ModelOptions options;
  options.tensor_parallel_size = 2;
  options.pipeline_parallel_size = 2;
  options.data_parallel_size = 3;

  CHECK_THROWS_MATCHES(
      choose(options, llama_text, 8, roomy),
      ConfigError,
      MessageMatches(ContainsSubstring("ranks = 8") && ContainsSubstring("3*2*2 = 12")));
}

TEST_CASE("sizes that don't cut the model are refused before the ranks are shared out") {
  ModelOptions options;
  options.tensor_parallel_size = 3;
  CHECK_THROWS_MATCHES(choose(options, llama_text, 6, roomy),
                       ConfigError,
                       MessageMatches(ContainsSubstring("1, 2, 4, 8, 16, 32 would do")));

  options.tensor_parallel_size = 2;
  options.expert_parallel_size = 3;
  CHECK_THROWS_MATCHES(choose(options, qwen_text, 8, roomy * 4),
                       ConfigError,
                       MessageMatches(ContainsSubstring("ep = 3")));
}

TEST_CASE("left to itself a run takes as many replicas as memory allows") {
  parallel::GridShape const replicas = choose({}, llama_text, 8, roomy);
  CHECK(replicas.dp == 8);
  CHECK(replicas.tp == 1);

  parallel::GridShape const halves = choose({}, llama_text, 8, roomy / 2);
  CHECK(halves.dp == 4);
  CHECK(halves.tp == 2);
  CHECK(halves.pp == 1);

  // Tensor parallelism stays inside a node of 4 ranks.
  parallel::GridShape const eighths = choose({}, llama_text, 8, roomy / 8);
  CHECK(eighths.tp == 4);
  CHECK(eighths.pp == 2);
  CHECK(eighths.dp == 1);
}

TEST_CASE("sizes that the user gives are kept") {
  ModelOptions options;
  options.pipeline_parallel_size = 4;
  parallel::GridShape const stages = choose(options, llama_text, 8, roomy);

  CHECK(stages.pp == 4);
  CHECK(stages.dp == 2);
  CHECK(stages.tp == 1);
}

TEST_CASE("experts are shared out where replicas of all of them don't fit") {
  constexpr std::int64_t whole = 100'000'000'000;  // 61 GB in seven tenths of it
  CHECK(choose({}, qwen_text, 4, whole).ep == 1);

  parallel::GridShape const shared = choose({}, qwen_text, 4, whole / 3);
  CHECK(shared.dp == 4);
  CHECK(shared.ep == 4);
}
