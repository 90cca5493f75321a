// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/families/family_fields.hpp"
#include "runtime/model/families/family_list.hpp"

// Apertus: norms on query and key heads, and a feed-forward without gates whose activation (xIELU)
// has parameters of its own in each layer. Reference: Swiss AI Initiative, "Apertus", 2025,
// section 2.

namespace talus::runtime {

void read_apertus(ConfigFields const& config, ModelSpec& spec) {
  if (config.text_or("hidden_act", "xielu") != "xielu") {
    config.refuse("hidden_act", "this family is known with xielu only");
  }
  if (!config.has("rope_scaling") && !config.has("rope_parameters")) {
    config.refuse("rope_scaling", "Apertus needs its llama3 scaling");
  }
  AttentionSpec attention = read_grouped_query(config, spec, {.rope = {.theta = 12e6}});
  attention.qk_norm = QkNorm::head;
  config.expect_only("qk_norm", true, "this family is known with norms on heads only");
  config.expect_only("post_norm", false, "this family is known with norms before its parts only");
  FeedForwardSpec forward;
  forward.intermediate = config.size("intermediate_size");
  forward.activation.kind = kernels::ActivationKind::xielu;
  fill_layers(spec, attention, forward);
  spec.names.attention_norm = "attention_layernorm.weight";
  spec.names.feed_forward_norm = "feedforward_layernorm.weight";
}

}  // namespace talus::runtime
