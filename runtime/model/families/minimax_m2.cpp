// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/error.hpp"
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// MiniMax-M2: norms over all query heads and all key heads together, a partly rotated head, experts
// routed by sigmoid scores and a correction bias. Reference: MiniMax, "MiniMax-M2", 2025 (model
// card and released code).

namespace talus::runtime {
namespace {

AttentionSpec read_attention(ConfigFields const& config, ModelSpec const& spec) {
  AttentionDefaults defaults{
      .kv_heads = 8, .head_dim = 128, .rope = {.theta = 5e6, .may_be_partial = true}};
  if (config.has("rotary_dim")) {
    auto const head_dim = static_cast<double>(config.size_or("head_dim", 128));
    defaults.rope.partial = static_cast<double>(config.size("rotary_dim")) / head_dim;
    if (defaults.rope.partial > 1.0) {
      config.refuse("rotary_dim", concat("a head has ", head_dim, " components"));
    }
  }
  AttentionSpec attention = read_grouped_query(config, spec, defaults);
  config.expect_only("use_qk_norm", true, "MiniMax-M2 has norms of queries and keys");
  attention.qk_norm = QkNorm::whole;
  config.expect_only("qk_norm_type", "per_layer", "only norms over all heads are known");
  return attention;
}

}  // namespace

void read_minimax_m2(ConfigFields const& config, ModelSpec& spec) {
  expect_silu(config);
  config.expect_only("scoring_func", "sigmoid", "MiniMax-M2 routes by sigmoid");
  config.expect_only("use_routing_bias", true, "MiniMax-M2 routes with a bias");
  config.expect_only("shared_intermediate_size", 0.0, "shared experts are not known here");
  MoeSpec moe;
  moe.num_experts = config.size("num_local_experts");
  moe.intermediate = config.size("intermediate_size");
  moe.has_correction_bias = true;
  moe.routing.score = kernels::RouterScore::sigmoid;
  moe.routing.top_k = config.size("num_experts_per_tok");
  check_routing(config, moe);
  fill_layers(spec, read_attention(config, spec), {.intermediate = 0, .moe = moe});
  use_mixtral_names(spec.names);
  spec.names.correction_bias = "block_sparse_moe.e_score_correction_bias";
}

}  // namespace talus::runtime
