// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// DeepSeek-V3 and R1, Kimi-K2: latent attention, leading dense layers, then a mixture of routed
// experts (sigmoid scores with a correction bias, chosen within groups) beside shared experts.
// References: DeepSeek-AI, "DeepSeek-V3 Technical Report", 2024, section 2.1; Kimi Team, "Kimi K2",
// 2025, section 2.

namespace talus::runtime {
namespace {

/// What the released model has, and transformers where a config is silent.
constexpr kernels::RoutingRule published{.num_groups = 8, .top_groups = 4, .scaling = 2.5F};

}  // namespace

void read_deepseek_v3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_latent(config);
  if (!config.flag_or("rope_interleave", true)) {
    attention.rope.pairs = kernels::RopePairs::halves;
  }
  fill_dense_first(config, spec, attention, read_sigmoid_experts(config, published));
}

}  // namespace talus::runtime
