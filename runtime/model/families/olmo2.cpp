// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// OLMo 2: norms only after each part, and over all query heads and all key heads together.
// Reference: OLMo Team, "2 OLMo 2 Furious", 2024, section 2.

namespace talus::runtime {

void read_olmo2(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec);
  attention.qk_norm = QkNorm::whole;
  fill_layers(spec, attention, read_silu_feed_forward(config));
  spec.names.attention_norm.clear();
  spec.names.attention_out_norm = "post_attention_layernorm.weight";
  spec.names.feed_forward_norm.clear();
  spec.names.feed_forward_out_norm = "post_feedforward_layernorm.weight";
}

}  // namespace talus::runtime
