// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Granite 3 and 4, dense: Llama's layers with four multipliers. Reference: Granite Team, "Granite
// 3.0 Language Models", 2024, section 2.

namespace talus::runtime {

void read_granite(ConfigFields const& config, ModelSpec& spec) {
  AttentionSpec attention = read_grouped_query(config, spec);
  attention.scale = static_cast<float>(config.number_or("attention_multiplier", 1.0));
  fill_layers(spec, attention, read_silu_feed_forward(config));
  spec.embedding_scale = static_cast<float>(config.number_or("embedding_multiplier", 1.0));
  spec.residual_scale = static_cast<float>(config.number_or("residual_multiplier", 1.0));
  double const divisor = config.number_or("logits_scaling", 1.0);
  if (divisor == 0.0) {
    config.refuse("logits_scaling", "must not be 0");
  }
  spec.logit_scale = static_cast<float>(1.0 / divisor);
}

}  // namespace talus::runtime
