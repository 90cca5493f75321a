// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Mixtral: Mistral's attention, and in each layer experts whose router normalises the softmax of
// the chosen ones. Reference: A. Q. Jiang et al., "Mixtral of Experts", 2024, section 2.

namespace talus::runtime {

void read_mixtral(ConfigFields const& config, ModelSpec& spec) {
  expect_silu(config);
  MoeSpec moe;
  moe.num_experts = config.size_or("num_local_experts", 8);
  moe.intermediate = config.size("intermediate_size");
  moe.routing.top_k = config.size_or("num_experts_per_tok", 2);
  check_routing(config, moe);
  AttentionSpec const attention =
      read_grouped_query(config, spec, {.kv_heads = 8, .rope = {.theta = 1e6}});
  fill_layers(spec, attention, {.intermediate = 0, .moe = moe});
  read_window_of_all(config, std::nullopt, spec);
  use_mixtral_names(spec.names);
}

}  // namespace talus::runtime
