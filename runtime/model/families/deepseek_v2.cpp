// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// DeepSeek-V2: latent attention, with the query compressed or not; leading dense layers, then
// experts that are routed by softmax, greedily or within the groups that have the best experts,
// beside shared experts. Reference: DeepSeek-AI, "DeepSeek-V2", 2024, section 2.

namespace talus::runtime {
namespace {

MoeSpec read_experts(ConfigFields const& config) {
  expect_silu(config);
  config.expect_only("scoring_func", "softmax", "DeepSeek-V2 routes by softmax");
  config.expect_only("norm_topk_prob", false, "DeepSeek-V2's chosen weights are not normalised");
  config.expect_only("moe_layer_freq", 1.0, "each layer after the dense ones has experts");
  config.expect_only("mlp_bias", false, "DeepSeek-V2 is known without biases only");
  MoeSpec moe;
  moe.num_experts = config.size_or("n_routed_experts", 64);
  moe.intermediate = config.size("moe_intermediate_size");
  moe.shared_intermediate = moe.intermediate * config.count_or("n_shared_experts", 2);
  moe.routing = {.score = kernels::RouterScore::softmax,
                 .top_k = config.size("num_experts_per_tok"),
                 .normalize = false,
                 .scaling = static_cast<float>(config.number_or("routed_scaling_factor", 1.0)),
                 .group_rank = kernels::GroupRank::best};
  std::string const method = config.text_or("topk_method", "greedy");
  if (method == "group_limited_greedy") {
    moe.routing.num_groups = config.size("n_group");
    moe.routing.top_groups = config.size("topk_group");
  } else if (method != "greedy") {
    config.refuse("topk_method", "known methods are greedy, group_limited_greedy");
  }
  check_routing(config, moe);
  return moe;
}

}  // namespace

void read_deepseek_v2(ConfigFields const& config, ModelSpec& spec) {
  fill_dense_first(config, spec, read_latent(config), read_experts(config));
}

}  // namespace talus::runtime
