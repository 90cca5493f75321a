// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"

#include <cmath>
#include <string>

#include "runtime/base/error.hpp"

namespace talus::runtime {

AttentionSpec read_grouped_query(ConfigFields const& config,
                                 ModelSpec const& spec,
                                 AttentionDefaults const& defaults) {
  AttentionSpec attention;
  attention.heads = defaults.heads > 0 ? config.size_or("num_attention_heads", defaults.heads)
                                       : config.size("num_attention_heads");
  attention.kv_heads = config.size_or("num_key_value_heads",
                                      defaults.kv_heads > 0 ? defaults.kv_heads : attention.heads);
  if (attention.heads % attention.kv_heads != 0) {
    config.refuse("num_key_value_heads",
                  concat("must divide num_attention_heads = ", attention.heads));
  }
  bool const is_share = !config.has("head_dim") && defaults.head_dim == 0;
  if (is_share && spec.hidden % attention.heads != 0) {
    config.refuse("num_attention_heads",
                  concat("must divide hidden_size = ", spec.hidden, " where head_dim is missing"));
  }
  attention.head_dim =
      config.size_or("head_dim", is_share ? spec.hidden / attention.heads : defaults.head_dim);
  attention.value_dim = attention.head_dim;
  attention.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(attention.head_dim)));
  attention.qkv_bias = config.flag_or("attention_bias", false);
  attention.out_bias = attention.qkv_bias;
  RopeDefaults rope = defaults.rope;
  rope.head_dim = attention.head_dim;
  rope.max_position = spec.max_position;
  attention.rope = read_rope(config, rope);
  return attention;
}

FeedForwardSpec read_silu_feed_forward(ConfigFields const& config) {
  expect_silu(config);
  FeedForwardSpec forward;
  forward.intermediate = config.size("intermediate_size");
  forward.bias = config.flag_or("mlp_bias", false);
  return forward;
}

void expect_silu(ConfigFields const& config) {
  std::string const name = config.text_or("hidden_act", "silu");
  if (name != "silu" && name != "swish") {
    config.refuse("hidden_act", "this family is known with silu only");
  }
}

void fill_layers(ModelSpec& spec, AttentionSpec const& attention, FeedForwardSpec const& forward) {
  for (LayerSpec& layer : spec.layers) {
    layer.attention = attention;
    layer.feed_forward = forward;
  }
}

void read_windows(ConfigFields const& config, WindowDefaults const& defaults, ModelSpec& spec) {
  std::vector<std::string> const types = config.texts("layer_types");
  if (!types.empty() && types.size() != spec.layers.size()) {
    config.refuse("layer_types", concat("must name each of the ", spec.layers.size(), " layers"));
  }
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    bool slides = defaults.slides[i];
    if (!types.empty()) {
      slides = types[i] == "sliding_attention";
      if (!slides && types[i] != "full_attention") {
        config.refuse("layer_types", "known are sliding_attention and full_attention");
      }
    }
    if (slides) {
      spec.layers[i].attention.window = config.size_or("sliding_window", defaults.window);
    }
  }
}

void read_window_of_all(ConfigFields const& config,
                        std::optional<std::int64_t> by_default,
                        ModelSpec& spec) {
  bool const is_missing = !config.is_given("sliding_window");
  bool const slides = config.has("sliding_window") || (is_missing && by_default);
  for (std::string const& type : config.texts("layer_types")) {
    if (type != (slides ? "sliding_attention" : "full_attention")) {
      config.refuse("layer_types", "this family has a window in all layers or in none");
    }
  }
  for (LayerSpec& layer : spec.layers) {
    layer.attention.window = slides ? config.size_or("sliding_window", by_default.value_or(0)) : 0;
  }
}

MoeSpec read_sigmoid_experts(ConfigFields const& config, kernels::RoutingRule const& defaults) {
  expect_silu(config);
  config.expect_only("scoring_func", "sigmoid", "this family routes by sigmoid");
  config.expect_only("topk_method", "noaux_tc", "this family routes by noaux_tc");
  config.expect_only("moe_layer_freq", 1.0, "each layer after the dense ones has experts");
  MoeSpec moe;
  moe.num_experts = config.has("n_routed_experts") ? config.size("n_routed_experts")
                                                   : config.size("num_local_experts");
  moe.intermediate = config.size("moe_intermediate_size");
  moe.shared_intermediate = moe.intermediate * config.count_or("n_shared_experts", 1);
  moe.has_correction_bias = true;
  moe.routing = {
      .score = kernels::RouterScore::sigmoid,
      .top_k = config.size("num_experts_per_tok"),
      .num_groups = config.size_or("n_group", defaults.num_groups),
      .top_groups = config.size_or("topk_group", defaults.top_groups),
      .normalize = config.flag_or("norm_topk_prob", true),
      .normalize_epsilon = 1e-20F,
      .scaling = static_cast<float>(config.number_or("routed_scaling_factor", defaults.scaling))};
  check_routing(config, moe);
  return moe;
}

void fill_dense_first(ConfigFields const& config,
                      ModelSpec& spec,
                      AttentionSpec const& attention,
                      MoeSpec const& moe) {
  auto const num_dense = static_cast<std::size_t>(config.count_or("first_k_dense_replace", 0));
  LayerSpec dense;
  dense.attention = attention;
  dense.feed_forward.intermediate = num_dense > 0 ? config.size("intermediate_size") : 0;
  LayerSpec sparse = dense;
  sparse.feed_forward = {.intermediate = 0, .moe = moe};
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i] = i < num_dense ? dense : sparse;
  }
}

void check_routing(ConfigFields const& config, MoeSpec const& moe) {
  kernels::RoutingRule const& rule = moe.routing;
  if (moe.num_experts % rule.num_groups != 0) {
    config.refuse("n_group", concat("must divide the ", moe.num_experts, " experts"));
  }
  std::int64_t const in_reach = moe.num_experts / rule.num_groups * rule.top_groups;
  if (rule.top_groups > rule.num_groups) {
    config.refuse("topk_group", concat("there are n_group = ", rule.num_groups, " groups"));
  }
  if (rule.top_k > in_reach) {
    config.refuse("num_experts_per_tok", concat("there are ", in_reach, " experts in reach"));
  }
}

void use_mixtral_names(WeightNames& names) {
  names.router = "block_sparse_moe.gate.";
  names.experts = "block_sparse_moe.experts.";
  names.gate = "w1";
  names.up = "w3";
  names.down = "w2";
}

AttentionSpec read_latent(ConfigFields const& config) {
  config.expect_only("attention_bias", false, "latent attention is known without biases only");
  AttentionSpec attention;
  attention.kind = AttentionKind::latent;
  attention.heads = config.size("num_attention_heads");
  attention.kv_heads = 1;
  attention.q_lora_rank = config.size_or("q_lora_rank", 0);
  attention.kv_lora_rank = config.size("kv_lora_rank");
  attention.nope_dim = config.size("qk_nope_head_dim");
  attention.value_dim = config.size("v_head_dim");
  std::int64_t const rope_dim = config.size("qk_rope_head_dim");
  attention.head_dim = attention.nope_dim + rope_dim;
  attention.rope = read_rope(config, {.head_dim = rope_dim});
  attention.rope.pairs = kernels::RopePairs::neighbours;
  double const scale = 1.0 / std::sqrt(static_cast<double>(attention.head_dim));
  attention.scale = static_cast<float>(scale * yarn_score_factor(attention.rope));
  return attention;
}

}  // namespace talus::runtime
