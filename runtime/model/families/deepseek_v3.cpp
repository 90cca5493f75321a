// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "runtime/base/error.hpp"
#include "runtime/model/family.hpp"
#include "runtime/model/rope_config.hpp"

// DeepSeek-V3 and R1: latent attention, leading dense layers, then a mixture of routed experts
// (sigmoid scores with a correction bias, chosen within groups) beside shared experts. Reference:
// DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024, section 2.1.

namespace talus::runtime {
namespace {

AttentionSpec read_latent(ConfigFields const& config) {
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
  attention.rope = read_rope(config, rope_dim);
  attention.rope.pairs = config.flag_or("rope_interleave", true) ? kernels::RopePairs::neighbours
                                                                 : kernels::RopePairs::halves;
  double const scale = 1.0 / std::sqrt(static_cast<double>(attention.head_dim));
  attention.scale = static_cast<float>(scale * yarn_score_factor(attention.rope));
  return attention;
}

MoeSpec read_experts(ConfigFields const& config) {
  config.expect_only("scoring_func", "sigmoid", "DeepSeek-V3 routes by sigmoid");
  config.expect_only("topk_method", "noaux_tc", "DeepSeek-V3 routes by noaux_tc");
  config.expect_only("moe_layer_freq", 1.0, "each layer after the dense ones has experts");
  MoeSpec moe;
  moe.num_experts = config.has("n_routed_experts") ? config.size("n_routed_experts")
                                                   : config.size("num_local_experts");
  moe.intermediate = config.size("moe_intermediate_size");
  moe.shared_intermediate = moe.intermediate * config.size_or("n_shared_experts", 1);
  moe.has_correction_bias = true;
  moe.routing = {.score = kernels::RouterScore::sigmoid,
                 .top_k = config.size("num_experts_per_tok"),
                 .num_groups = config.size_or("n_group", 1),
                 .top_groups = config.size_or("topk_group", 1),
                 .normalize = config.flag_or("norm_topk_prob", true),
                 .normalize_epsilon = 1e-20F,
                 .scaling = static_cast<float>(config.number_or("routed_scaling_factor", 1.0))};
  if (moe.num_experts % moe.routing.num_groups != 0) {
    config.refuse("n_group", concat("must divide the ", moe.num_experts, " experts"));
  }
  std::int64_t const in_reach = moe.num_experts / moe.routing.num_groups * moe.routing.top_groups;
  if (moe.routing.top_groups > moe.routing.num_groups || moe.routing.top_k > in_reach) {
    config.refuse("num_experts_per_tok",
                  concat("topk_group = ",
                         moe.routing.top_groups,
                         " of n_group = ",
                         moe.routing.num_groups,
                         " groups have ",
                         in_reach,
                         " experts"));
  }
  return moe;
}

}  // namespace

void read_deepseek_v3(ConfigFields const& config, ModelSpec& spec) {
  LayerSpec dense;
  dense.attention = read_latent(config);
  dense.feed_forward.intermediate = config.size("intermediate_size");
  LayerSpec sparse = dense;
  sparse.feed_forward = {.intermediate = 0, .moe = read_experts(config)};
  auto const num_dense = static_cast<std::size_t>(config.count_or_zero("first_k_dense_replace"));
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i] = i < num_dense ? dense : sparse;
  }
}

}  // namespace talus::runtime
