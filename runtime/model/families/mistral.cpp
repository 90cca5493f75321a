// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Mistral: Llama's layers, all with a window unless `sliding_window` is null. Reference: A. Q.
// Jiang et al., "Mistral 7B", 2023, section 2. Ministral 3: yarn, and queries that grow with their
// position; reference: Mistral AI, "Ministral 3", 2025.

namespace talus::runtime {

void read_mistral(ConfigFields const& config, ModelSpec& spec) {
  fill_layers(
      spec, read_grouped_query(config, spec, {.kv_heads = 8}), read_silu_feed_forward(config));
  read_window_of_all(config, 4096, spec);
}

void read_ministral3(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec const attention =
      read_grouped_query(config, spec, {.kv_heads = 8, .head_dim = 128, .rope = {.theta = 1e6}});
  if (attention.rope.query_growth != 0.0 && attention.rope.rotary_dim != attention.head_dim) {
    config.refuse("partial_rotary_factor", "must be 1 with llama_4_scaling_beta");
  }
  fill_layers(spec, attention, read_silu_feed_forward(config));
  read_window_of_all(config, std::nullopt, spec);
}

}  // namespace talus::runtime
