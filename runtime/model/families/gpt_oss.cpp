// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// gpt-oss: windows in every other layer, a sink in each head's softmax, biases everywhere, experts
// with a clamped activation whose router normalises the softmax of the chosen ones. Reference:
// OpenAI, "gpt-oss-120b & gpt-oss-20b Model Card", 2025, section 2.

namespace talus::runtime {
namespace {

MoeSpec read_experts(ConfigFields const& config) {
  expect_silu(config);
  MoeSpec moe;
  moe.num_experts = config.has("num_local_experts") ? config.size("num_local_experts")
                                                    : config.size("num_experts");
  moe.intermediate = config.size_or("intermediate_size", 2880);
  moe.router_bias = true;
  moe.expert_bias = true;
  moe.activation = {.kind = kernels::ActivationKind::clamped_silu,
                    .limit = static_cast<float>(config.number_or("swiglu_limit", 7.0)),
                    .alpha = static_cast<float>(config.number_or("swiglu_alpha", 1.702))};
  if (!(moe.activation.limit > 0.0F)) {
    config.refuse("swiglu_limit", "must be positive");
  }
  moe.routing.top_k = config.size_or("num_experts_per_tok", 4);
  check_routing(config, moe);
  return moe;
}

}  // namespace

void read_gpt_oss(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(
      config, spec, {.heads = 64, .kv_heads = 8, .head_dim = 64, .rope = {.theta = 150'000.0}});
  if (attention.rope.scaling == RopeScaling::none && !config.has("rope_parameters")) {
    config.refuse("rope_scaling", "gpt-oss needs its yarn scaling");
  }
  attention.qkv_bias = config.flag_or("attention_bias", true);
  attention.out_bias = attention.qkv_bias;
  attention.sinks = true;
  fill_layers(spec, attention, {.intermediate = 0, .moe = read_experts(config)});
  std::vector<bool> slides(spec.layers.size());
  for (std::size_t i = 0; i < slides.size(); i += 2) {
    slides[i] = true;
  }
  read_windows(config, {.slides = slides, .window = 128}, spec);
  spec.names.router = "mlp.router.";
  spec.names.stacked_experts = true;
}

}  // namespace talus::runtime
